"""Eyes that open, close and look elsewhere: lids slide over an eyeball that stays or turns."""
