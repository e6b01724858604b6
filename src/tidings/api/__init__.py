"""The REST API, compatible with the Cloud Elements platform: routes that read as a table, one error shape."""
