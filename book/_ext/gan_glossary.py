"""Sphinx extension: every glossary term that a chapter uses in prose links to the glossary there, once.

A term is used where one of its forms stands in the running text of a chapter as a whole word. Its forms are the English
name of the entry with its plural, and those listed in `FORMS`. Where several forms begin at one place, the longest is
meant: "mode collapse" is no use of "mode". A form without small letters, such as FID, is matched as it is written, any
other in small and capital letters. Phrases in `PLAIN` use a term's word in another sense.

Running text is what an author may link in: no headings, titles of boxes, figure captions, code or mathematics, and not
the question under a chapter's title. What is a link already stands for itself.

A term that is used and never linked is a warning, and so is a second link to it in the same chapter; warnings fail the
build. (A link to an entry that does not exist is a warning of Sphinx's own.)
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

logger = logging.getLogger(__name__)

# Other forms of a term, beside its name and the plural of that. `|` stands between two forms.
FORMS = {
    "alternating updates": "alternating steps",
    "batch": "batches",
    "batch normalization": "batch norm",
    "binary cross entropy": "BCE",
    "checkerboard artifact": "checkerboard|checkerboards",
    "computational graph": "graph",
    "confidence interval": "interval|intervals",
    "convergence": "converge|converges|converged",
    "convex conjugate": "conjugate",
    "cross entropy": "cross entropies",
    "density": "densities",
    "density ratio": "ratio of densities",
    "detach": "detached",
    "exponential moving average": "EMA|averaged weights|running mean|running means",
    "Fréchet inception distance": "FID|FIDs",
    "generative adversarial network": "GAN|GANs",
    "gradient penalty": "gradient penalties|penalty|penalties",
    "gradient vector field": "vector field",
    "hinge loss": "hinge",
    "Jensen-Shannon divergence": "JS|JS divergence|JS divergences",
    "Kullback-Leibler divergence": "KL|KL divergence|KL divergences",
    "kernel": "running kernel",
    "latent variable": "latent numbers|latent points",
    "least-squares GAN": "LSGAN|least squares|least-squares",
    "Lipschitz continuity": "1-Lipschitz|Lipschitz",
    "loss": "losses",
    "multilayer perceptron": "MLP|MLPs",
    "non-saturating loss": "non-saturating",
    "normal distribution": "Gaussian|Gaussians|standard normal",
    "optimal discriminator": "best discriminator|perfect discriminator",
    "optimistic update": "optimistic|optimism",
    "precision and recall": "precision|recall",
    "quantile function": "quantile|quantiles",
    "R1 penalty": "R1",
    "R2 penalty": "R2",
    "random seed": "seed|seeds",
    "relativistic discriminator": "relativistic",
    "saturating loss": "saturating",
    "sigmoid function": "sigmoid|sigmoids",
    "softplus function": "softplus",
    "stochastic gradient descent": "SGD|plain gradient descent",
    "total variation distance": "total variation",
    "two time-scale update rule": "TTUR",
    "unrolled GAN": "unrolling|unrolled",
    "Wasserstein distance": "W1|Wasserstein-1 distance",
    "Wasserstein GAN": "Wasserstein|WGAN",
    "weight clipping": "clipping|clipped weights|clip the weights",
    "zero-sum game": "zero-sum",
}

# Phrases in which a term's word is not the term, or not yet.
PLAIN = (
    "training mode|evaluation mode|wrong mode|reverse mode|in one mode|two modes|modes as it finds"  # of a network
    "|kernel|kernels"  # of a convolution
    "|half precision|which precision"  # of numbers
    "|mean over images density"  # of a paper
    "|GAN Lab"  # another program
    "|step size|step sizes|discriminator steps|generator step"  # half a step of this book's
    "|random generator|replays"
)


def forms(entry: str) -> list[str]:
    """The words by which a chapter uses an entry `name (中文)`."""
    name = entry.split(" (")[0]
    plural = name if name.endswith("s") else name + "s"
    return [name, plural, *FORMS.get(name, "").split("|")]


def pattern(words: str) -> str:
    """A regular expression for a form: any white space between its words, any case unless it has no small letters."""
    exact = words == words.upper() or words.rstrip("s") == words.rstrip("s").upper()
    spaced = r"\s+".join(re.escape(word) for word in words.split())
    return spaced if exact else f"(?i:{spaced})"


@cache
def finder(entries: tuple[str, ...]) -> tuple[re.Pattern[str], dict[str, str]]:
    """A pattern that finds every form as a whole word, the longest first, and the entry of each of its groups."""
    meant = {form: entry for entry in entries for form in forms(entry) if form}
    for phrase in PLAIN.split("|"):
        meant[phrase] = ""
    longest_first = sorted(meant, key=len, reverse=True)
    groups = {f"g{i}": meant[form] for i, form in enumerate(longest_first)}
    one_of = "|".join(f"(?P<g{i}>{pattern(form)})" for i, form in enumerate(longest_first))
    return re.compile(rf"(?<![\w-])(?:{one_of})(?![\w-])"), groups


def uses(text: str, entries: tuple[str, ...]) -> Iterator[tuple[re.Match[str], str]]:
    """Every place where a text uses one of the entries, in reading order, and which one."""
    expression, groups = finder(entries)
    for match in expression.finditer(text):
        if entry := groups[match.lastgroup or ""]:
            yield match, entry


NOT_RUNNING_TEXT = (
    nodes.title,
    nodes.caption,
    nodes.literal,
    nodes.literal_block,
    nodes.math,
    nodes.math_block,
    nodes.raw,
    nodes.reference,
    nodes.comment,
    addnodes.pending_xref,
)


def is_term(node: nodes.Node) -> bool:
    """Whether a node is a link to the glossary."""
    return isinstance(node, addnodes.pending_xref) and node.get("reftype") == "term"


def is_the_question(node: nodes.Node) -> bool:
    """Whether a node is a paragraph that is bold from end to end, as is the question under a chapter's title."""
    return isinstance(node, nodes.paragraph) and [type(child) for child in node if child.astext()] == [nodes.strong]


def running_text(node: nodes.Element) -> Iterator[str]:
    """The running text below a node, in pieces that no other node interrupts."""
    piece, in_link = "", False
    for child in node.children:
        if isinstance(child, nodes.raw) and re.match(r"</?a\b", child.astext()):
            in_link = not child.astext().startswith("</")  # a link written in HTML
        if isinstance(child, nodes.Text) and not in_link:
            piece += child
            continue
        yield piece
        piece = ""
        if isinstance(child, nodes.Element) and not isinstance(child, NOT_RUNNING_TEXT) and not is_the_question(child):
            yield from running_text(child)
    yield piece


def complaints(doctree: nodes.document, entries: tuple[str, ...]) -> list[str]:
    """What is wrong with a chapter's links to the glossary."""
    linked = Counter(node["reftarget"] for node in doctree.findall(is_term))
    used: dict[str, str] = {}
    for piece in running_text(doctree):
        for match, entry in uses(piece, entries):
            around = " ".join(piece[max(0, match.start() - 30) : match.end() + 30].split())
            used.setdefault(entry, f'{match[0]!r} in "{around}"')
    never = [
        f"the glossary's term {entry!r} is used here and never linked: {where}"
        for entry, where in used.items()
        if entry not in linked
    ]
    twice = [f"the glossary's term {entry!r} is linked {n} times here" for entry, n in linked.items() if n > 1]
    return never + twice


def check(app: Sphinx, env: BuildEnvironment) -> None:
    """Warn about every chapter whose terms are not linked as they should be."""
    entries = tuple(sorted(name for _, name, kind, *_ in env.domains["std"].get_objects() if kind == "term"))
    for name in sorted(env.found_docs):
        if name.startswith("notebooks/"):
            for complaint in complaints(env.get_doctree(name), entries):
                logger.warning("%s", complaint, location=name, type="glossary")


def setup(app: Sphinx) -> dict:
    """Register with Sphinx."""
    app.connect("env-check-consistency", check)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
