"""The lifespan protocol, as uvicorn.lifespan has it."""
