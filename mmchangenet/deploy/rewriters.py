"""What is computed differently while a network is converted through mmdeploy.

mmdeploy's own rewriters are not applied: they were written for older exporters and put custom operators,
taken-apart layer norms and dropout into graphs. A backbone that needs one registers it with ``REWRITERS``, in
the way that mmdeploy documents.
"""

from __future__ import annotations

from typing import Any

from mmdeploy.core.rewriters.rewriter_manager import RewriterManager
from mmdeploy.utils import get_codebase_config

from mmchangenet.export.onnx_export import score_pairs

REWRITERS = RewriterManager()


@REWRITERS.function_rewriter.register_rewriter('mmchangenet.models.SiameseClassifier.forward')
def siamese_classifier__forward(self: Any, compare: Any, golden: Any) -> Any:
    """Two tensors in, one out, as ``codebase_config.graph`` says; the trained network takes and gives
    samples.
    """
    context = REWRITERS.function_rewriter.get_context()
    return score_pairs(self, compare, golden, **(get_codebase_config(context.cfg).get('graph') or {}))
