"""What is said over the WebSocket, by whom and to whom."""
