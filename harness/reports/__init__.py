"""Write what readers see: rankings, README's table, the pages of measures and studies."""
