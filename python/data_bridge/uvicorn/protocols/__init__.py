"""What programs look for in uvicorn.protocols."""
