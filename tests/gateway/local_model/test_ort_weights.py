import numpy as np
import pytest

from gateway.local_model.ort_weights import OrtWeights, read_ort
from gateway.local_model.weights import MOONSHINE, is_installed, locate

pytestmark = pytest.mark.skipif(
    not is_installed(MOONSHINE), reason=f"{MOONSHINE.requirement} is not installed"
)


@pytest.fixture(scope="module")
def weights() -> OrtWeights:
    return read_ort(locate(MOONSHINE) / "decoder_model_merged.ort")


def test_tensors_have_their_names_types_and_shapes(weights: OrtWeights) -> None:
    embedding = weights.tensors["model.decoder.embed_tokens.weight_merged_0_quantized"]
    assert embedding.dtype == np.int8
    assert embedding.shape == (32_768, 416)
    norm = weights.tensors["model.decoder.norm.weight_merged_0"]
    assert norm.dtype == np.float32
    assert norm.shape == (416,)
    assert np.isfinite(norm).all()
    assert weights.tensors["onnx::Unsqueeze_230"].tolist() == [0]


def test_products_lead_to_their_matrices(weights: OrtWeights) -> None:
    for layer in range(8):
        name = weights.multiplied[f"/model/decoder/layers.{layer}/mlp/up_proj/MatMul"]
        matrix = weights.tensors[name.replace("_add_tensor", "_quantized")]
        assert matrix.shape == (416, 3_328)
