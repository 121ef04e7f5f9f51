"""Run measures of plug-ins in a confined process."""
