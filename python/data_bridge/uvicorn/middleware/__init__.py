"""Middleware that uvicorn has."""
