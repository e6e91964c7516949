"""One job: configuration in, record out."""
