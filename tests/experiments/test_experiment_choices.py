"""A user's choices for an experiment reach its tasks and nets, or are refused."""

import pytest
from support.tiny_experiments import CHOICES, DATA, conduct, contenders, needs_data, tiny

from dilated_rnn_np.experiments import EXPERIMENTS, Choices, Study, characters
from dilated_rnn_np.tasks import Characters


@needs_data
@pytest.mark.parametrize("scale", ["quick", "full"])
def test_the_frame_of_speech_can_be_chosen(scale):
    rows = Study.of(EXPERIMENTS["speech"], Choices(scale, data_dir=str(DATA), frame=1)).contenders
    assert {row.task.frame for row in rows} == {1} and {row.build(0).input_size for row in rows} == {1}


@pytest.mark.parametrize("scale", ["quick", "full"])
def test_the_corpus_of_characters_can_be_chosen(scale, monkeypatch):
    asked = []

    def corpus_of(corpus, window, data_dir):
        asked.append(corpus)
        return Characters(text="to be or not to be, " * 20, window=window)

    monkeypatch.setattr(characters, "Characters", corpus_of)
    for corpus, title in ((None, "Tiny Shakespeare"), ("ptb", "Penn Treebank")):
        rows = Study.of(EXPERIMENTS["characters"], Choices(scale, systems=("dilated",), corpus=corpus)).contenders
        assert [row.setting for row in rows] == [title]
    assert asked == ["shakespeare", "ptb"]


def test_a_chosen_embedding_is_part_of_each_net(tmp_path):
    choices = Choices(systems=("dilated", "hm-lstm", "dilated-cnn"), embedding=3)
    assert {row.build(0).params["embedding.W"].shape for row in contenders(choices)} == {(3, 2)}
    conduct(tmp_path, seeds=1)
    with pytest.raises(ValueError, match="embedding is None there, 3 here"):
        conduct(tmp_path, choices=choices, seeds=1)


def test_a_choice_that_does_not_apply_is_refused():
    with pytest.raises(ValueError, match="tiny has no corpus to choose: leave the corpus out"):
        Study.of(tiny(), Choices(corpus="ptb"))


def test_the_page_says_that_equal_hidden_sizes_are_not_equal_parameters(tmp_path):
    note = "Nets of equal hidden sizes differ in parameters; --parameters N compares nets of equally many."
    for folder, choices in (("sizes", CHOICES), ("parameters", Choices(systems=("dilated", "skip"), parameters=900))):
        conduct(tmp_path / folder, choices=choices, seeds=1)
        assert (note in (tmp_path / folder / "table.md").read_text(encoding="utf-8")) == (folder == "sizes")
