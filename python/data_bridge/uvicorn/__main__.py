"""``python -m data_bridge.uvicorn main:app``."""

from .main import main

if __name__ == "__main__":
    main()
