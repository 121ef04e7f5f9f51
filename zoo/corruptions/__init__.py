"""What is done to the data: labels and pixels."""
