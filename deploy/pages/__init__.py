"""Makes the pages that the API serves: installs what they are made of, and bundles each of them."""
