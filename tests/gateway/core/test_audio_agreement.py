from gateway.core.audio_agreement import AudioAgreement, agree_audio, answered_codecs
