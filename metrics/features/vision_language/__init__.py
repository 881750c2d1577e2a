"""Vision-language models that answer questions about an image: VQAScore, and faithfulness by question answering."""
