import numpy as np
import pytest
from sklearn.metrics import r2_score

from btkit.models.evidence import r_squared


def test_the_share_of_variance_is_scikit_learns():
    random = np.random.default_rng(0)
    came = random.normal(size=100)
    foreseen = 0.3 * came + random.normal(size=100)
    assert r_squared(foreseen, came) == pytest.approx(r2_score(came, foreseen), rel=1e-12)
    assert r_squared(foreseen, np.ones(100)) is None
