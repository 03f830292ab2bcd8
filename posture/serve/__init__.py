"""The dashboard's server: who is asking, may they, and which page answers. The one home of FastAPI and uvicorn."""
