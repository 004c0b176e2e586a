"""MultiLoRA beside LoRA and its kin: exactness, speed, and one mixed training of six real tasks."""
