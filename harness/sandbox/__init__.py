"""Run submitted measures in a confined process."""
