"""Questions and answers in English and Russian, yes/no questions, the tokenizer."""
