"""Whether guidance by geometry helps on real people: measured by instruments that guided no editor."""
