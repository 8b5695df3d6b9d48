"""FeatureSpace. Keras' own runs on TensorFlow alone: here are its arguments, and values worked out by hand."""
import inspect

import numpy as np
import pytest
from keras_oracle import MARKS, assert_same_signature, keras, ours, plain

from fastnn.keras.utils.pipeline import Dataset

pytestmark = MARKS
FeatureSpace = ours.utils.FeatureSpace
DATA = {"age": np.array([20.0, 30, 40, 50]), "rate": np.array([1.0, 2, 3, 4]), "kind": np.array([7, 8, 7, 9]),
        "color": np.array(["red", "blue", "red", "green"]), "code": np.array([5, 6, 7, 8])}
KINDS = {"age": "float", "rate": "float_normalized", "kind": "integer_categorical", "color": "string_categorical"}


def adapted(features=KINDS, data=DATA, **options):
    space = FeatureSpace(features, **options)
    space.adapt({name: data[name] for name in features})
    return space


@pytest.mark.parametrize("name", ["__init__", "adapt", "cross", "feature", "float", "float_rescaled",
                                  "float_normalized",
                                  "float_discretized", "integer_categorical", "string_categorical", "string_hashed",
                                  "integer_hashed", "get_inputs", "get_encoded_features", "save"])
def test_signatures(name):
    assert_same_signature(getattr(FeatureSpace, name), getattr(keras.utils.FeatureSpace, name))


def test_columns():
    found = adapted(output_mode="dict")({name: DATA[name] for name in KINDS})
    assert plain(found["age"])[:, 0].tolist() == [20, 30, 40, 50]
    np.testing.assert_allclose(plain(found["rate"])[:, 0], (np.arange(1, 5) - 2.5) / np.sqrt(1.25), rtol=1e-5)
    # a first column for the unknown, then the most frequent
    assert plain(found["kind"]).shape == (4, 4) and plain(found["kind"]).argmax(1).tolist()[::2] == [1, 1]
    assert plain(found["color"]).argmax(1)[0] == plain(found["color"]).argmax(1)[2] == 1
    joined = plain(adapted()({name: DATA[name] for name in KINDS}))
    assert joined.shape == (4, 1 + 4 + 4 + 1)  # age, color, kind, rate: by name
    assert (joined[:, 0] == DATA["age"]).all() and (joined[:, 1:5] == plain(found["color"])).all()


def test_single_values_and_data_sets():
    space = adapted()
    rows = plain(space({name: DATA[name] for name in KINDS}))
    one = plain(space({name: DATA[name][1] for name in KINDS}))
    assert one.shape == (10,) and (one == rows[1]).all()
    again = FeatureSpace(KINDS)
    again.adapt(Dataset.from_tensor_slices({name: DATA[name] for name in KINDS}).batch(3))
    assert np.allclose(plain(again({name: DATA[name] for name in KINDS})), rows)


def test_hashes_crosses_and_bins():
    features = {"color": FeatureSpace.string_hashed(8), "code": FeatureSpace.integer_hashed(6, output_mode="int"),
                "age": FeatureSpace.float_discretized(3, bin_boundaries=[25.0, 45.0]),
                "rate": FeatureSpace.float_rescaled(2.0, 1.0)}
    space = FeatureSpace(features, output_mode="dict", crosses=[("color", "code"), FeatureSpace.cross(
        ("code", "color"), 5, output_mode="int")], crossing_dim=16)
    found = {name: plain(x) for name, x in space({name: DATA[name] for name in features}).items()}
    assert found["color"].shape == (4, 8) and found["code"].shape == (4, 1) and found["code"].max() < 6
    assert found["age"].argmax(1).tolist() == [0, 1, 1, 2] and found["rate"][:, 0].tolist() == [3, 5, 7, 9]
    assert found["color_X_code"].shape == (4, 16) and (found["color_X_code"].sum(1) == 1).all()
    assert found["code_X_color"].shape == (4, 1) and found["code_X_color"].max() < 5
    numbers = plain(ours.layers.Hashing(8)(DATA["color"]))
    assert (found["color"].argmax(1) == numbers).all()


def test_models_of_columns(tmp_path):
    space = adapted(crosses=[("kind", "color")], crossing_dim=6)
    columns = {name: DATA[name] for name in KINDS}
    encoded = space.get_encoded_features()
    outputs = ours.layers.Dense(1, activation="sigmoid")(encoded)
    training = ours.Model(inputs=encoded, outputs=outputs)
    training.compile("adam", "binary_crossentropy")
    labels = np.array([0.0, 1, 0, 1])
    rows = Dataset.from_tensor_slices((columns, labels)).batch(2).map(lambda x, y: (space(x), y))
    training.fit(rows, epochs=2, verbose=0)
    whole = ours.Model(inputs=space.get_inputs(), outputs=outputs)
    got = whole.predict({name: values[:, None] for name, values in columns.items()}, verbose=0)
    np.testing.assert_allclose(got, training.predict(plain(space(columns)), verbose=0), rtol=1e-5)


def test_records(tmp_path):
    space = adapted(crosses=[("kind", "color")], crossing_dim=6)
    record = space.get_config()
    assert list(record) == ["features", "output_mode", "crosses", "crossing_dim", "hashing_dim",
                            "num_discretization_bins"]
    again = FeatureSpace.from_config(record)
    again.build_from_config(space.get_build_config())
    again.adapt({name: DATA[name] for name in KINDS})
    columns = {name: DATA[name] for name in KINDS}
    assert np.allclose(plain(again(columns)), plain(space(columns)))
    space.save(tmp_path / "space.keras")
    loaded = ours.saving.load_model(tmp_path / "space.keras")
    assert np.allclose(plain(loaded(columns)), plain(space(columns)))


@pytest.mark.parametrize("call", [
    lambda F: F({}), lambda F: F({"a": "nope"}), lambda F: F({"a": "float"}, output_mode="nope"),
    lambda F: F({"a": "float"}, crosses=[("a", "b")]), lambda F: F({"a": "float"}, crosses=[("a", "b")],
                                                                  crossing_dim=0),
    lambda F: F.cross(("a", "b"), 3, output_mode="nope"), lambda F: F.feature("float32", None, "nope"),
    lambda F: F({"a": "float"}).adapt(3), lambda F: F({"a": "float"})([1]),
    lambda F: F({"a": "float_normalized"}).get_inputs(),
    lambda F: F({"a": F.integer_hashed(3, output_mode="int")})({"a": np.arange(3)})])
def test_errors(call):
    with pytest.raises(ValueError):
        call(FeatureSpace)
    assert inspect.isclass(FeatureSpace)
