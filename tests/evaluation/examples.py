"""Three examples and a prediction for each."""

RECORDS = [
    {"id": "a", "dialogue": "Anna: Money!\nShop: No.", "references": ["Anna wants money back.", "The shop refuses."]},
    {"id": "b", "dialogue": "Bob: To Rome, please.", "references": ["Bob is booking a flight to Rome."]},
    {"id": "c", "dialogue": "Eve: ...", "references": ["Nothing is said.", "Silence.", "They are silent."]},
]
ROWS = [
    {"id": "a", "prediction": "Anna calls the shop. She wants her money back!"},
    {"id": "b", "prediction": "Bob books flights to Rome."},
    {"id": "c", "prediction": "Everybody is silent in Vienna."},
]
