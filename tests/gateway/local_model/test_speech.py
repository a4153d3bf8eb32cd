from gateway.local_model.audio import AudioFormat
from gateway.local_model.speech import Speech


def test_it_is_the_same_sound_or_not() -> None:
    speech = Speech("Hello.", 1.0, AudioFormat.PCM)
    assert speech.says("Hello.", 1.0, AudioFormat.PCM)
    assert not speech.says("Hello!", 1.0, AudioFormat.PCM)
    assert not speech.says("Hello.", 1.1, AudioFormat.PCM)
    assert not speech.says("Hello.", 1.0, AudioFormat.PCMA)
