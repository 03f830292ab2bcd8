"""How the network sees a host: nmap in bounded batches, what it sends, what came back, and the topics made of it."""
