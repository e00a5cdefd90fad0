"""Figures: arrays in, the same Axes out, and the landmarks where they belong."""

import math

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from gan_helpers import plots, style


@pytest.fixture
def ax():
    with mpl.rc_context():
        style.use()
        yield Figure().subplots()


def test_losses_draws_both_curves_and_both_landmarks(ax):
    assert plots.losses(ax, range(5), np.full(5, 1.3), np.full(5, 0.7)) is ax
    assert [line.get_label() for line in ax.get_lines()[:2]] == ["d_loss", "g_loss"]
    heights = {round(line.get_ydata()[0], 4) for line in ax.get_lines()[2:]}
    assert heights == {round(math.log(4), 4), round(math.log(2), 4)}


def test_losses_of_many_runs_are_a_median_with_a_band(ax):
    runs = np.arange(33.0).reshape(11, 3)
    plots.losses(ax, range(3), runs, runs)
    np.testing.assert_allclose(ax.get_lines()[0].get_ydata(), np.median(runs, axis=0))
    assert len(ax.collections) == 2
    edge = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert (edge.min(), edge.max()) == (np.quantile(runs[:, 0], 0.1), np.quantile(runs[:, 2], 0.9))


def test_densities_puts_d_and_the_best_d_on_an_axis_from_zero_to_one(ax):
    x = np.linspace(0, 1, 9)
    right = plots.densities(ax, x, x, 1 - x, d_prob=x)
    assert right.get_ylim() == (0, 1.02)
    d_prob, best = (line.get_ydata() for line in right.get_lines())
    np.testing.assert_allclose(d_prob, x)
    np.testing.assert_allclose(best, x)  # p + q = 1 here


def test_densities_leaves_the_best_d_out_where_nothing_lands(ax):
    p = np.array([1.0, 0.0, 0.0])
    right = plots.densities(ax, range(3), p, np.array([1.0, 1.0, 0.0]), d_prob=p)
    np.testing.assert_allclose(right.get_lines()[1].get_ydata(), [0.5, 0.0, np.nan])


def test_arrows_end_where_g_sends_them(ax):
    ax.set_xlim(-5, 5)
    plots.arrows(ax, [-1, 0, 1], [-2, 0.5, 3])
    assert [note.xy for note in ax.texts] == [(-2, 1), (0.5, 1), (3, 1)]
    assert ax.get_xlim() == (-5, 5)


@pytest.mark.parametrize("shape", [(10, 784), (10, 28, 28), (10, 1, 28, 28)])
def test_digits_lays_images_out_in_rows(ax, shape):
    images = np.linspace(-1, 1, 10)[:, None] * np.ones((10, 784))
    plots.digits(ax, images.reshape(shape), columns=4)
    sheet = ax.images[0].get_array()
    assert sheet.shape == (3 * 28, 4 * 28)
    assert sheet[0, 0] == -1
    assert sheet[2 * 28, 28] == 1  # the tenth image: third row, second column
    assert sheet[-1, -1] == -1  # the rest is background


def test_images_in_colour_keep_their_colours(ax):
    x = -np.ones((3, 3, 8, 8))
    x[0, 0], x[1, 1] = 1, 5  # red, and greener than green
    plots.images(ax, x, columns=2)
    sheet = ax.images[0].get_array()
    assert sheet.shape == (16, 16, 3)
    assert sheet[0, 0].tolist() == [1, 0, 0]
    assert sheet[0, 8].tolist() == [0, 1, 0]
    assert sheet[15, 15].tolist() == [0, 0, 0]
    for shape in ((2, 2, 8, 8), (2, 8, 9), (2, 65)):
        with pytest.raises(ValueError, match="square images are needed"):
            plots.images(ax, np.zeros(shape))


def test_strip_has_a_dot_a_seed_and_a_median(ax):
    plots.strip(ax, {"a": [1.0, 2.0, 3.0], "b": [4.0]}, threshold=2.5)
    assert ax.get_lines()[0].get_xdata().tolist() == [1.0, 2.0, 3.0]
    assert ax.get_lines()[2].get_xdata().tolist() == [2.0]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]


def test_a_table_is_read_by_eye_by_ear_and_in_a_terminal():
    made = plots.table({"a < b": ["3 of 4", 0.5], "c": ["", 12]}, ["count", "W1"], corner="setting")
    assert repr(made).splitlines() == ["setting   count   W1", "a < b    3 of 4  0.5", "c                 12"]
    page = made._repr_html_()
    assert page.count('scope="col"') == 3
    assert page.count('scope="row"') == 2
    assert "a &lt; b" in page
    assert "a < b" not in page


@pytest.mark.parametrize(
    ("rows", "columns", "corner", "message"),
    [
        ({"a": [1, 2]}, ["one"], "x", "row 'a' has 2 cells for 1 columns: one"),
        ({"a": [1]}, ["one"], "", "every column needs a name"),
        ({"a": [1]}, [""], "x", "every column needs a name"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused(rows, columns, corner, message):
    with pytest.raises(ValueError, match=message):
        plots.table(rows, columns, corner)
