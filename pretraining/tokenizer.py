"""A small BPE tokenizer with T5's special tokens, in which digits and names are whole pieces.

BPE and not T5's Unigram: on so small a corpus the Unigram trainer cuts common words into pieces.
"""

import random
import string

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from pretraining.mixture import example
from support_calls.world import vocabulary

SENTINELS = 16


def train_tokenizer(size: int, texts: int, seed: int) -> PreTrainedTokenizerFast:
    """A tokenizer of `size` pieces, trained on as many examples of the mixture and on every name of the world."""
    rng = random.Random(seed)
    corpus = [text for _ in range(texts) for text in example(rng, whole=0.5)]
    corpus += [" ".join(rng.sample(vocabulary(), 12)) for _ in range(texts // 4)]
    corpus += ["Summarize the following conversation. Summary: Dialogue:"] * 40  # or a prompt costs ten pieces more
    sentinels = [f"<extra_id_{k}>" for k in range(SENTINELS)]
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Metaspace(),
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.Split(Regex(r"[^\w\s'▁]"), "isolated"),  # I'm stays whole
        ]
    )
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=["<pad>", "</s>", "<unk>", *sentinels],
        min_frequency=4,
        initial_alphabet=list(string.printable.strip()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus, trainer)
    tags = [tag for person in (1, 2) for tag in (f"#Person{person}#:", f"#Person{person}#")]
    tokenizer.add_tokens([AddedToken(tag, normalized=False) for tag in tags])
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        additional_special_tokens=sentinels,
        model_max_length=512,
    )
