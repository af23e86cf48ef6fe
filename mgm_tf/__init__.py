"""MGM: generative modeling for multi-task visual learning, in TensorFlow and Keras."""
