"""RecBole model classes; each module also answers to RecBole's own name for it, see `plugin`."""
