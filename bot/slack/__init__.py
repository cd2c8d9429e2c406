"""The Slack edge: commands, buttons and modals in; cards, channels and notes out. It decides nothing."""
