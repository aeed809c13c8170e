"""The door: parse, call a workflow or a query, show. stdout is data, stderr is talk."""
