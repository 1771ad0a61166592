"""Pictures made from the template and from the code."""
