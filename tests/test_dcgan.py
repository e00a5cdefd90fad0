"""The DCGAN of the command line: one process and two train the same GAN, and a resumed run is the run itself."""

from __future__ import annotations

import copy
import csv
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
import torch
from PIL import Image
from torch import distributed, nn

from gan_helpers import models, runtime
from gan_helpers.data import Images
from gan_helpers.dcgan import look, source
from gan_helpers.dcgan import run as dcgan
from gan_helpers.dcgan.parallel import Epochs, SyncBatchNorm, World, averaging, joined, synchronised
from gan_helpers.train import checkpoint, evaluating

STEPS = 6
SMALL = ["--width", "2", "--z-dim", "4", "--batch", "8", "--device", "cpu", "--steps", str(STEPS)]


def few_images(name="mnist", *, size=28, device="cpu"):
    """Forty noisy pictures in place of MNIST: five steps an epoch, so that the six steps enter a second one."""
    rng = torch.Generator().manual_seed(0)
    dark = torch.randint(128, (40, 1, 1, 1), generator=rng)
    pixels = dark + torch.randint(128, (40, 1, size, size), generator=rng)
    return Images(pixels.to(torch.uint8), torch.arange(40) % 10, name)


@pytest.fixture(autouse=True)
def _no_mnist(monkeypatch):
    monkeypatch.setattr(source, "digits", few_images)


def run(out, *more, world=None):
    """A run with small settings; `more` are further options."""
    args = dcgan.options([*SMALL, *more, "--out", str(out)])
    return dcgan.run(args, world or World())


def read(out):
    """The losses of every step, `(steps, 2)`."""
    with (out / "losses.csv").open() as file:
        return torch.tensor([[float(row["d_loss"]), float(row["g_loss"])] for row in csv.DictReader(file)])


def leaves(state):
    """Everything in a checkpoint that is not a dictionary or a list, in order."""
    if isinstance(state, dict):
        return [leaf for key in sorted(state, key=str) for leaf in leaves(state[key])]
    return [leaf for part in state for leaf in leaves(part)] if isinstance(state, list | tuple) else [state]


def same_checkpoint(a, b):
    """Whether two folders' checkpoints agree in every bit of every tensor."""
    a, b = (leaves(checkpoint.read(out / "checkpoint.pt")) for out in (a, b))
    pairs = zip(a, b, strict=True)
    return all(torch.equal(x, y) if isinstance(x, torch.Tensor) else x == y for x, y in pairs)


# One process


def test_the_command_trains_and_leaves_its_files(tmp_path, capsys):
    assert dcgan.main([*SMALL, "--save-every", "4", "--out", str(tmp_path / "a")]) == 0
    names = {".lock", "checkpoint.pt", "losses.csv", "samples_000004.png", "samples_000006.png"}
    assert {path.name for path in (tmp_path / "a").iterdir()} == names
    assert read(tmp_path / "a").shape == (STEPS, 2)
    assert read(tmp_path / "a").isfinite().all()
    with Image.open(tmp_path / "a/samples_000006.png") as picture:
        assert picture.size == (8 * 28, 8 * 28)
    assert capsys.readouterr().out.startswith("step 6: d_loss ")


@pytest.mark.parametrize("options", [["--precision", "bfloat16"], ["--size", "64"]])
def test_other_settings_train_too(tmp_path, options):
    state = run(tmp_path, *options)
    assert read(tmp_path).isfinite().all()
    assert all(p.dtype == torch.float32 and p.isfinite().all() for p in state.G.parameters())


def test_every_option_says_what_it_does():
    for action in dcgan.parser()._actions:
        assert action.help, action.dest


def test_the_seed_decides(tmp_path):
    for name, seed in (("a", "0"), ("b", "0"), ("c", "1")):
        run(tmp_path / name, "--seed", seed)
    assert same_checkpoint(tmp_path / "a", tmp_path / "b")
    assert not torch.equal(read(tmp_path / "a"), read(tmp_path / "c"))


def test_only_the_first_process_writes(tmp_path):
    run(tmp_path / "a", world=World(rank=1))
    assert not (tmp_path / "a").exists()


def test_judge_is_asked_at_the_end(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(dcgan, "JUDGED", 500)
    monkeypatch.setattr(dcgan.Judge, "of", lambda *_, **__: lambda x: SimpleNamespace(fid=float(len(x))))
    run(tmp_path, "--steps", "1", "--judge")
    assert "FID 500.0, of 500 images" in capsys.readouterr().out


# Stopped and resumed


def test_a_resumed_run_is_the_run_bit_for_bit(tmp_path):
    """Even after a crash: the losses then go further than the checkpoint, and are dropped."""
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    run(whole)
    run(parts, "--steps", "4")
    with (parts / "losses.csv").open("a") as file:
        file.write("5,0.5,0.")
    run(parts, "--resume")
    assert same_checkpoint(whole, parts)
    assert (whole / "losses.csv").read_bytes() == (parts / "losses.csv").read_bytes()
    assert (whole / "samples_000006.png").read_bytes() == (parts / "samples_000006.png").read_bytes()


@pytest.mark.parametrize("name", ["rng", "g_opt", "ema"])
def test_without_a_part_of_the_checkpoint_that_test_fails(tmp_path, monkeypatch, name):
    """The mutant: a part that is not restored."""
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    run(whole)
    run(parts, "--steps", "4")
    complete = checkpoint.read

    def forgetful(path):
        fresh = dcgan.Run.new(dcgan.options(SMALL), torch.device("cpu"))
        part = fresh.parts()[name]
        return complete(path) | {name: part.get_state() if name == "rng" else part.state_dict()}

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "read", forgetful)
        run(parts, "--resume")
    assert not same_checkpoint(whole, parts)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_the_step_saves_and_says_how_to_go_on(tmp_path, monkeypatch, capsys, number):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    g_step, before = dcgan.g_step, signal.getsignal(number)
    calls = []

    def interrupted(*args):
        calls.append(signal.raise_signal(number) if len(calls) == 2 else None)
        return g_step(*args)

    with monkeypatch.context() as patch:
        patch.setattr(dcgan, "g_step", interrupted)
        assert dcgan.main([*SMALL, "--out", str(parts)]) == 130
    assert signal.getsignal(number) == before
    assert checkpoint.read(parts / "checkpoint.pt")["step"] == 3
    assert "Stopped before step 6. To go on, add --resume" in capsys.readouterr().out
    run(whole)
    run(parts, "--resume")
    assert same_checkpoint(whole, parts)


def test_a_loss_that_is_not_finite_ends_the_run_and_keeps_the_checkpoint(tmp_path, monkeypatch, capsys):
    run(tmp_path, "--steps", "2")
    monkeypatch.setattr(dcgan, "g_step", lambda *_: torch.tensor(float("nan")))
    assert dcgan.main([*SMALL, "--resume", "--out", str(tmp_path)]) == 2
    assert "error: step 3: " in capsys.readouterr().err
    assert checkpoint.read(tmp_path / "checkpoint.pt")["step"] == 2


# Settings that cannot be met


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--batch", "0"], "--batch must be a whole number of at least 1, got 0"),
        (["--save-every", "0"], "--save-every must be a whole number of at least 1"),
        (["--lr", "-1"], "--lr must be a finite number of at least 0, got -1"),
        (["--seed", "12345678901234567890"], "--seed must be a whole number from 0 to"),
        (["--batch", "41"], "more than the 40 images"),
        (["--device", "cuda"], "'cuda' is not available on this machine"),
        (["--device", "abacus"], "unknown device 'abacus'"),
        (["--resume"], "--resume: there is no checkpoint"),
    ],
)
def test_settings_that_cannot_be_met_are_named(tmp_path, monkeypatch, capsys, options, message):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert dcgan.main([*SMALL, "--out", str(tmp_path / "a"), *options]) == 2
    assert message in capsys.readouterr().err


def test_a_size_that_is_not_offered_is_refused(tmp_path, capsys):
    assert dcgan.main(["--size", "224", "--out", str(tmp_path)]) == 2
    assert "--size 224 has no networks: choose 28, 32, 64, 128 or 256" in capsys.readouterr().err


def test_resuming_with_other_settings_names_them(tmp_path, capsys):
    run(tmp_path, "--steps", "1")
    options = ["--resume", "--beta1", "0.9", "--z-dim", "3", "--out", str(tmp_path)]
    assert dcgan.main([*SMALL, *options]) == 2
    assert "--z-dim 4, not 3; --beta1 0.5, not 0.9" in capsys.readouterr().err
    assert dcgan.main([*SMALL, "--steps", "1", "--resume", "--out", str(tmp_path)]) == 0
    assert "at step 1 already" in capsys.readouterr().out
    assert dcgan.main([*SMALL, "--out", str(tmp_path)]) == 2
    assert "add --resume to go on" in capsys.readouterr().err


def test_a_new_rate_is_taken_and_said_and_other_options_are_those_of_the_checkpoint(tmp_path, capsys):
    run(tmp_path, "--steps", "2")
    few = ["--resume", "--steps", "4", "--device", "cpu", "--out", str(tmp_path)]
    state = dcgan.run(dcgan.options([*few, "--lr", "0.0003"]), World())
    assert "--lr 0.0003 from here on, in place of 0.001" in capsys.readouterr().out
    assert [group["lr"] for opt in (state.g_opt, state.d_opt) for group in opt.param_groups] == [3e-4, 3e-4]
    assert len(read(tmp_path)) == 4
    settings = checkpoint.read(tmp_path / "checkpoint.pt")["settings"]
    assert (settings["--lr"], settings["--width"], settings["--z-dim"]) == (3e-4, 2, 4)
    state = dcgan.run(dcgan.options([*few[:2], "5", *few[3:]]), World())  # and goes on with it
    assert "from here on" not in capsys.readouterr().out
    assert state.g_opt.param_groups[0]["lr"] == 3e-4


@pytest.fixture
def mine(tmp_path):
    """A folder of twenty pictures in colour, of several sizes."""
    rng = np.random.default_rng(0)
    (tmp_path / "mine").mkdir()
    for k in range(20):
        h, w = rng.integers(40, 90, 2)
        Image.fromarray(rng.integers(0, 256, (h, w, 3), np.uint8)).save(tmp_path / f"mine/{k}.png")
    return tmp_path / "mine"


def test_a_folder_of_pictures_is_trained_sampled_and_judged(tmp_path, mine, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    out = tmp_path / "out"
    few = ["--width", "2", "--z-dim", "4", "--batch", "5", "--device", "cpu", "--steps", "4", "--save-every", "2"]
    words = ["train", "--data", str(mine), "--size", "32", "--augment", "--held-out", "0.25", "--out", str(out)]
    assert dcgan.main([*words, *few]) == 0
    with (out / "losses.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [bool(row["gap"]) for row in rows] == [False, True, False, True]
    assert all(np.isfinite(float(row["gap"])) for row in rows[1::2])
    settings = checkpoint.read(out / "checkpoint.pt")["settings"]
    assert (settings["--channels"], settings["--augment"]) == (3, "colour shift")
    with Image.open(out / "samples_000004.png") as picture:
        assert (picture.size, picture.mode) == ((8 * 32, 8 * 32), "RGB")

    sheet, film = tmp_path / "sheet.png", tmp_path / "film.gif"
    assert dcgan.main(["sample", str(out), "--n", "10", "--out", str(sheet), "--walk", str(film)]) == 0
    with Image.open(sheet) as picture:
        assert picture.size == (4 * 32, 3 * 32)
    with Image.open(film) as picture:
        assert picture.size == (4 * 32, 4 * 32)
    capsys.readouterr()
    assert dcgan.main(["judge", str(out / "checkpoint.pt")]) == 0
    said = capsys.readouterr().out
    assert "step 4, 10 images by 10 of" in said
    assert "patches at  32 pixels" in said
    assert "patches at  16 pixels" in said
    assert "no classifier: the images have no labels" in said


def test_a_walk_keeps_to_where_noise_is_and_comes_back():
    z = torch.randn(look.STOPS, 16, 64, generator=runtime.stream(0))
    way = torch.stack(list(look.walk(z)))
    assert len(way) == look.STOPS * look.BETWEEN
    assert torch.equal(way[:: look.BETWEEN], z)
    lengths = way.norm(dim=-1)
    assert (lengths.mean() - 8).abs() < 0.2  # the square root of 64, all the way
    steps = (way.roll(-1, 0) - way).norm(dim=-1).mean(1)  # from the last to the first, too
    assert steps.max() < 2 * steps.min()


def test_a_judge_by_a_classifier_wants_many_labelled_images(tmp_path, monkeypatch, capsys):
    run(tmp_path, "--steps", "1")
    assert dcgan.main(["judge", str(tmp_path)]) == 0
    assert "no classifier: 40 labelled images are too few to train one, 1,000 are needed" in capsys.readouterr().out
    monkeypatch.setattr(look, "LABELLED", 40)
    monkeypatch.setattr(look.quality.Judge, "of", lambda *_, **__: SimpleNamespace(classifier=None))
    monkeypatch.setattr(look.quality, "features", lambda _, x: x.flatten(1)[:, :5])
    assert dcgan.main(["judge", str(tmp_path)]) == 0
    assert "FID by a classifier" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "--data", "nowhere"], "'nowhere' is neither a folder nor one of mnist, fashion, emoji, cifar10"),
        (["train", "--data", "mnist", "--channels", "3"], "mnist has 1 channels, not 3: leave --channels out"),
        (["train", "--augment", "blur"], "--augment must be some of colour, shift, cutout, flip"),
        (["train", "--held-out", "40"], "--held-out: held_out=40.0 keeps 40 of 40 images apart"),
        (["train", "--size", "0"], "--size 0 has no networks"),
        (["train", "--data", "."], "lies inside --data .: sheets would become pictures"),
        (["train", "--held-out", "-1"], "--held-out must be a share or a number of images"),
        (["sample", "nowhere.pt"], "there is no checkpoint 'nowhere.pt'"),
        (["judge", "nowhere.pt"], "there is no checkpoint 'nowhere.pt'"),
        (["sample", "x", "--n", "0"], "--n must be at least 1"),
    ],
)
def test_what_the_words_cannot_do_is_said(tmp_path, monkeypatch, capsys, words, message):
    monkeypatch.chdir(tmp_path)
    more = [*SMALL, "--out", "a"] if words[0] == "train" else []
    assert dcgan.main([*words, *more]) == 2
    assert message in capsys.readouterr().err


def test_judge_at_the_end_of_a_run_without_labels_is_refused_before_it(tmp_path, mine, capsys):
    words = ["--data", str(mine), "--size", "32", "--judge", "--batch", "5", "--out", str(tmp_path / "out")]
    assert dcgan.main([*SMALL, *words]) == 2
    assert "--judge needs labelled images" in capsys.readouterr().err


def test_augmentation_cannot_come_or_go_on_resume_but_its_order_is_of_no_matter(tmp_path, capsys):
    run(tmp_path, "--steps", "1", "--augment", "shift colour")
    run(tmp_path, "--steps", "2", "--resume", "--augment", "colour shift")
    assert dcgan.main([*SMALL, "--resume", "--augment", "flip", "--out", str(tmp_path)]) == 2
    assert "--augment 'colour shift', not 'flip'" in capsys.readouterr().err
    run(tmp_path / "plain", "--steps", "1")
    assert dcgan.main([*SMALL, "--resume", "--augment", "--out", str(tmp_path / "plain")]) == 2
    assert "--augment 'nothing', not 'colour shift'" in capsys.readouterr().err


def test_a_file_of_another_kind_is_no_checkpoint_of_the_command(tmp_path, capsys):
    checkpoint.save(tmp_path / "other.pt", step=3, settings={})
    assert dcgan.main(["sample", str(tmp_path / "other.pt")]) == 2
    assert "is not a checkpoint of this command" in capsys.readouterr().err


def test_with_augmentation_a_resumed_run_is_the_run_bit_for_bit_too(tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    run(whole, "--augment", "--held-out", "8")
    run(parts, "--steps", "4", "--augment", "--held-out", "8")
    run(parts, "--resume")
    assert same_checkpoint(whole, parts)
    run(tmp_path / "plain", "--held-out", "8")
    assert not torch.equal(read(tmp_path / "plain"), read(whole))


def test_a_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").touch()
    assert dcgan.main([*SMALL, "--out", str(tmp_path / "file/a")]) == 2
    assert "--out: " in capsys.readouterr().err

    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)  # root may write anywhere
    assert dcgan.main([*SMALL, "--out", str(tmp_path)]) == 2
    assert "cannot be written to" in capsys.readouterr().err


def test_a_batch_must_be_shared_equally(monkeypatch, capsys):
    for name, value in (("WORLD_SIZE", "3"), ("RANK", "1"), ("MASTER_ADDR", "127.0.0.1"), ("MASTER_PORT", "1")):
        monkeypatch.setenv(name, value)
    assert dcgan.main(SMALL) == 2
    assert capsys.readouterr().err == "error in process 1: --batch 8 cannot be shared equally by 3 processes\n"


def test_each_process_needs_a_gpu_of_its_own(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    where = (("MASTER_ADDR", "127.0.0.1"), ("MASTER_PORT", "1"))
    for name, value in (("WORLD_SIZE", "2"), ("RANK", "1"), ("LOCAL_RANK", "1"), *where):
        monkeypatch.setenv(name, value)
    assert dcgan.main([*SMALL, "--device", "cuda"]) == 2
    assert "error in process 1: --device: device 'cuda:1' is not available" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"WORLD_SIZE": "2"}, "WORLD_SIZE is 2, but RANK is not set: start with torchrun"),
        ({"WORLD_SIZE": "2", "RANK": "0"}, "but MASTER_ADDR is not set: start with torchrun"),
        ({"RANK": "first"}, "RANK='first', which is no number"),
    ],
)
def test_an_environment_that_is_half_of_torchrun_s_is_named(environment, message, monkeypatch, capsys):
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert dcgan.main(SMALL) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_two_runs_never_write_into_one_folder(tmp_path, monkeypatch, capsys):
    """The second is refused, and the files are the first one's."""
    second = []
    g_step = dcgan.g_step

    def meanwhile(*given):
        if not second:
            second.append(dcgan.main([*SMALL, "--resume", "--out", str(tmp_path)]))
        return g_step(*given)

    monkeypatch.setattr(dcgan, "g_step", meanwhile)
    assert dcgan.main([*SMALL, "--out", str(tmp_path)]) == 0
    assert second == [2]
    assert f"another run is writing into {tmp_path}" in capsys.readouterr().err
    assert len(read(tmp_path)) == 6
    assert dcgan.main([*SMALL, "--steps", "7", "--resume", "--out", str(tmp_path)]) == 0  # the lock is gone


def test_a_full_disk_is_one_line(tmp_path, monkeypatch, capsys):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(dcgan.checkpoint, "save", full)
    assert dcgan.main([*SMALL, "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == "error: [Errno 28] No space left on device"


def test_resuming_with_other_images_is_refused(tmp_path, monkeypatch, capsys):
    """Begun on what stands in for MNIST, a run does not go on with MNIST."""
    run(tmp_path, "--steps", "1")
    more = few_images()
    monkeypatch.setattr(source, "digits", lambda *_, **__: Images(more.images.flip(0), more.labels, "mnist"))
    assert dcgan.main([*SMALL, "--resume", "--out", str(tmp_path)]) == 2
    assert "is of a run with images 'mnist of 40 [" in capsys.readouterr().err


# Shares


def test_shares_put_together_are_the_batch():
    batch = torch.arange(12)
    shares = [World(rank, 3).share(batch) for rank in range(3)]
    assert torch.equal(torch.stack(shares, 1).flatten(), batch)


def test_an_epoch_takes_each_sample_once_and_the_next_in_another_order():
    order = Epochs(11, batch=3, seed=0)
    first, second = (torch.cat([order(step) for step in steps]) for steps in (range(1, 4), range(4, 7)))
    assert len(first.unique()) == len(second.unique()) == 9
    assert not torch.equal(first, second)
    assert torch.equal(Epochs(11, batch=3, seed=0)(5), second[3:6])
    assert not torch.equal(Epochs(11, batch=3, seed=1)(1), first[:3])


def test_synchronised_keeps_weights_names_and_results():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.Sequential(nn.BatchNorm2d(3, eps=0.1, momentum=0.3)))
    ours, x = synchronised(copy.deepcopy(net)), torch.randn(4, 1, 5, 5)
    assert isinstance(ours[1][0], SyncBatchNorm)
    assert torch.equal(ours(x), net(x))
    pairs = zip(ours.state_dict().items(), net.state_dict().items(), strict=True)
    assert all(a == b and torch.equal(x, y) for (a, x), (b, y) in pairs)


# Two processes, started by torchrun, each of which runs `rank` below

MUTANTS = {  # what is wrong: which name it replaces, and by what
    "nothing": ("few_images", few_images),
    "plain batch norm": ("synchronised", lambda net: net),
    "no gradient averaged": ("averaging", lambda net, device: net),
    "D's gradient not averaged": ("averaging", lambda net, device: averaging(net, device) if takes_z(net) else net),
    "G's gradient not averaged": ("averaging", lambda net, device: net if takes_z(net) else averaging(net, device)),
    "everybody the same share": ("World.share", lambda self, batch: batch[: len(batch) // 2]),
}
TORCHRUN = ["torch.distributed.run", "--nproc-per-node=2", "--rdzv-backend=c10d", "--rdzv-endpoint=127.0.0.1:0"]


def takes_z(net):
    """Whether a network is a generator."""
    return isinstance(net[0], nn.Unflatten)


def normed(norm, x, world):
    """The output of this share, the gradient of its squared weighted mean, and what the layer has become."""
    x = world.share(x).requires_grad_()
    y = norm.train()(x)
    (y * torch.linspace(-1, 1, y[0].numel()).reshape(y[0].shape)).exp().sum((1, 2, 3)).mean().backward()
    return {"y": y.detach(), "grad": x.grad, **norm.state_dict()}


def batch_norm_input():
    """Activations `(8, 3, 4, 4)` whose mean and scale differ from sample to sample."""
    rng = torch.Generator().manual_seed(1)
    return 5 * torch.randn(8, 1, 1, 1, generator=rng) + torch.randn(8, 3, 4, 4, generator=rng)


def rank(out):
    """What each of the two processes does: every mutant's run, then its weights go into a file of its own."""
    world = World.here()
    with joined(world, torch.device("cpu")), mock.patch.object(source, "digits", few_images):
        torch.save(normed(SyncBatchNorm(3), batch_norm_input(), world), out / f"norm{world.rank}.pt")
        for name, (path, replacement) in MUTANTS.items():
            with mock.patch(f"gan_helpers.dcgan.run.{path}", replacement, create=name == "nothing"):
                state = run(out / name, world=world)
            torch.save([state.G.state_dict(), state.D.state_dict()], out / f"{name}{world.rank}.pt")
        run(out / "resumed", "--steps", "4", world=world)
        distributed.barrier()  # `resumed` has been written
        run(out / "resumed", "--resume", world=world)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """The folder that two processes have filled, and in `one` that of a single process."""
    out = tmp_path_factory.mktemp("two")
    env = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-m", *TORCHRUN, "--local-addr=127.0.0.1", __file__, str(out)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-5000:]
    with mock.patch.object(source, "digits", few_images):
        run(out / "one")
    return out


def trains_as_one(out, name):
    """Whether both processes hold equal weights, and had the losses of a single one at every step."""
    a, b = (leaves(torch.load(out / f"{name}{rank}.pt")) for rank in (0, 1))
    same = all(torch.equal(x, y) for x, y in zip(a, b, strict=True))
    return same and torch.allclose(read(out / name), read(out / "one"), rtol=1e-4, atol=0)


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTANTS)
def test_two_processes_train_the_gan_of_one(two, name):
    """And with anything else wrong than nothing, they do not."""
    assert trains_as_one(two, name) == (name == "nothing")


@pytest.mark.slow
def test_two_processes_resume_bit_for_bit(two):
    assert same_checkpoint(two / "nothing", two / "resumed")


@pytest.mark.slow
def test_batch_norm_of_two_shares_is_that_of_the_batch(two):
    whole = normed(nn.BatchNorm2d(3), batch_norm_input(), World())
    parts = [torch.load(two / f"norm{rank}.pt") for rank in (0, 1)]
    for name in ("y", "grad"):
        found = torch.stack([part[name] for part in parts], 1).flatten(0, 1)
        scale = 2 if name == "grad" else 1  # of a process's own loss, the mean over half the batch
        torch.testing.assert_close(found, scale * whole[name], rtol=1e-4, atol=1e-5)
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        assert torch.equal(parts[0][name], parts[1][name])
        torch.testing.assert_close(parts[0][name], whole[name])


if __name__ == "__main__":
    rank(Path(sys.argv[1]))


def test_every_option_is_fixed_for_a_run_or_free_on_purpose():
    """A new option has to be put on one side: a resumed run with another value would be another run."""
    fixed = {
        "data",
        "size",
        "channels",
        "augment",
        "held_out",
        "width",
        "z_dim",
        "lr",
        "beta1",
        "batch",
        "ema",
        "precision",
        "seed",
    }
    options = {action.dest for action in dcgan.parser()._actions}
    assert options == fixed | set(dcgan.FREE)
    args = dcgan.options(SMALL)
    assert set(dcgan.settings(args, few_images())) == {f"--{name.replace('_', '-')}" for name in fixed} | {"images"}


def test_sheets_show_the_averaged_weights_in_evaluation_mode(tmp_path):
    state = run(tmp_path)
    args = dcgan.options([*SMALL, "--out", str(tmp_path)])
    z = models.sample_z(64, args.z_dim, runtime.stream(args.seed))
    with evaluating(state.ema, state.G):
        averages, last = state.ema(z), state.G(z)
    with Image.open(tmp_path / "samples_000006.png") as picture:
        tiles = (
            torch.from_numpy(np.array(picture)).int().reshape(8, 28, 8, 28).permute(0, 2, 1, 3).reshape(64, 1, 28, 28)
        )
    shown = tiles / 127.5 - 1
    assert (shown - averages).abs().max() < 0.005  # half a grey level
    assert (shown - last).abs().max() > 0.005
