"""`Foundation`: one model of search and recommendation in many domains, for users and items old and new.

After Gong et al. 2023, S&R Multi-Domain Foundation, arXiv 2309.08939, of which public summaries were read. What this
departs in, or adds: an id is a correction of what text and features say of it, under a Gaussian prior, so that an item
without clicks is predicted by what is left; a two-tower logit for retrieval; finetuning pulls towards the pretrained
weights (Li, Grandvalet and Davoine 2018, L2-SP).
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bethink.tools.recommendation.encoding import Encoder
from bethink.tools.recommendation.model import PRECISIONS, FoundationNetwork, NetworkSettings
from bethink.tools.recommendation.samples import NO_QUERY, Entities, Floats, Ints, Samples
from bethink.tools.recommendation.text_features import TextFeatures
from bethink.tools.recommendation.training import PREDICT_ROWS, TrainingReport, TrainingSettings, fit, predict

FORMAT = 2
HELD_OUT = 0.1
"""Share of the samples held out to stop by, where no validation samples are given: half of them by item."""
Progress = Callable[[float, str], None]
Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Gates:
    """Which aspect spoke: ``values`` [n, K] within [0, 1], each row's sum 1 (0 if there is none); ``names`` [K]."""

    names: tuple[str, ...]
    values: Floats


@dataclass
class Foundation:
    """A click model of many domains.

    Args:
        text_features: vectors of texts.
        network: widths and switches; see :class:`NetworkSettings`.
        training: see :class:`TrainingSettings`.
        members: networks of different seeds whose logits are averaged; time grows with them.
        text: False leaves texts out (an ablation).
        domain_weights: weight of a domain's samples by its name; 1 where none is given.

    Attributes:
        reports: of each member's training.

    Example:
        >>> model = Foundation(TextFeatures(embedder, folder)).fit(train, valid)  # doctest: +SKIP
        >>> model.predict(test)  # doctest: +SKIP
        array([0.71, 0.13])
    """

    text_features: TextFeatures
    network: NetworkSettings = field(default_factory=NetworkSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    members: int = 1
    text: bool = True
    domain_weights: Mapping[str, float] = field(default_factory=dict)
    networks: list[FoundationNetwork] = field(default_factory=list, init=False, repr=False)
    reports: list[TrainingReport] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.members < 1:
            raise ValueError(f"{self.members} members cannot be averaged; give at least 1.")
        self._encoder = Encoder(self.text_features.of, self.text)

    def __deepcopy__(self, memo: dict[int, Any]) -> Foundation:
        """A copy to finetune; it shares the text features, which hold locks and files."""
        memo[id(self.text_features)] = self.text_features
        made = object.__new__(type(self))
        for name, value in self.__dict__.items():
            if name != "_encoder":
                made.__dict__[name] = copy.deepcopy(value, memo)
        made._encoder = self._encoder.copy(self.text_features.of)
        return made

    # -- learning -----------------------------------------------------------------------------------------------------

    def fit(
        self,
        samples: Samples,
        valid: Samples | None = None,
        *,
        seed: int | None = None,
        max_seconds: float | None = None,
        progress: Progress | None = None,
        checkpoint: str | Path | None = None,
    ) -> Foundation:
        """Learn from samples of all domains, from the beginning.

        Args:
            samples: to learn from.
            valid: to stop by; None holds a tenth of the samples out, half of it by item.
            seed: in place of ``training.seed``.
            max_seconds: wall time of the training, not of reading texts; results then depend on the machine.
            progress: called with a share in [0, 1] and a sentence; what it raises stops the training, and the model
                stays what it was before.
            checkpoint: a folder; a training that was broken off goes on from what it finds there.

        Raises:
            ValueError: too few samples, labels of one class, a checkpoint of another training.
        """
        samples, valid, settings = self._prepared(samples, valid, seed)
        encoder = Encoder(self.text_features.of, self.text)
        encoder.learn(samples)
        tables, rows = encoder.tables(samples), encoder.rows(samples)
        shapes = encoder.shapes
        networks = []
        for number in range(self.members):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(settings.seed + number)
                made = FoundationNetwork(
                    shapes["user"], shapes["item"], shapes.get("query"), len(encoder.domains),
                    self.text_features.dim, self.network,
                )  # fmt: skip
            made.user.standardise(tables.user, rows.batch.user.unique())
            made.item.standardise(tables.item, rows.batch.item.unique())
            if made.taste is not None:
                texts = tables.item.text[rows.batch.item.unique()]
                made.taste.standardise(texts[texts.any(1)])
            if made.query is not None:
                made.query.standardise(tables.query, rows.batch.query[rows.batch.query >= 0].unique())
            networks.append(made)
        self._train(networks, encoder, samples, valid, settings, max_seconds, progress, checkpoint, anchored=False)
        return self

    def finetune(
        self,
        samples: Samples,
        valid: Samples | None = None,
        *,
        freeze: Collection[str] = ("text", "experts"),
        prior: float = 1.0,
        seed: int | None = None,
        max_seconds: float | None = None,
        progress: Progress | None = None,
        checkpoint: str | Path | None = None,
    ) -> Foundation:
        """Learn more from few samples, of domains new or known; users, items and domains not met before are added.

        A new domain begins as the mean of the others. Weights are pulled to what they were before.

        Args:
            samples, valid, seed, max_seconds, progress, checkpoint: as for :meth:`fit`.
            freeze: groups of weights that stay: of "ids", "sparse", "text", "fusion", "adaptation", "experts",
                "towers", "head".
            prior: how strongly weights are pulled, as a multiple of what :meth:`fit` does.

        Raises:
            ValueError: not fitted, an unknown group, or as :meth:`fit`.
        """
        self._check_fitted()
        unknown = set(freeze) - set(PRECISIONS)
        if unknown:
            raise ValueError(f"There is no group {', '.join(sorted(unknown))} to freeze; there are {list(PRECISIONS)}.")
        samples, valid, settings = self._prepared(samples, valid, seed)
        settings = replace(settings, prior=prior)
        encoder = self._encoder.copy(self.text_features.of)
        new = encoder.extend(samples)
        networks = copy.deepcopy(self.networks)
        for network in networks:
            network.user.add_ids(new["user"])
            if network.taste is not None:
                network.taste.add_ids(new["user"])
            network.item.add_ids(new["item"])
            if network.query is not None:
                network.query.add_ids(new["query"])
            for _ in range(new["domain"]):
                network.add_domain()
            for group, _, weight in network.groups():
                weight.requires_grad_(group not in freeze)
        self._train(networks, encoder, samples, valid, settings, max_seconds, progress, checkpoint, anchored=True)
        return self

    def _prepared(
        self, samples: Samples, valid: Samples | None, seed: int | None
    ) -> tuple[Samples, Samples, TrainingSettings]:
        settings = self.training if seed is None else replace(self.training, seed=seed)
        if valid is None:
            samples, valid = hold_out(samples, settings.seed)
        for part, name in ((samples, "training"), (valid, "validation")):
            if len(np.unique(part.label)) < 2:
                only = int(part.label[0])
                raise ValueError(f"All {len(part):,} {name} samples are labelled {only}; clicks and others are needed.")
        return samples, valid, settings

    def _train(
        self,
        networks: list[FoundationNetwork],
        encoder: Encoder,
        samples: Samples,
        valid: Samples,
        settings: TrainingSettings,
        max_seconds: float | None,
        progress: Progress | None,
        checkpoint: str | Path | None,
        *,
        anchored: bool,
    ) -> None:
        tables, rows = encoder.tables(samples), encoder.rows(samples)
        known = np.isin([valid.domains[number] for number in valid.domain], encoder.domains)
        held = encoder.rows(valid.rows(known)) if known.any() else encoder.rows(valid)
        chosen = [self.domain_weights.get(name, 1.0) for name in encoder.domains]
        weights = torch.tensor(chosen, dtype=torch.float32) if any(each != 1 for each in chosen) else None
        reports = []
        for number, network in enumerate(networks):
            own = replace(settings, seed=settings.seed + number, max_seconds=max_seconds and max_seconds / self.members)
            anchors = (
                {name: weight.detach().clone() for name, weight in network.named_parameters()} if anchored else None
            )

            def heard(share: float, message: str, number: int = number) -> None:
                if progress:
                    progress((number + share) / self.members, message)

            place = Path(checkpoint) / f"member{number}.safetensors" if checkpoint is not None else None
            report = fit(
                network, tables, rows, held, own, valid_tables=encoder.tables(valid), weights=weights, anchors=anchors,
                progress=heard, checkpoint=place,
            )  # fmt: skip
            reports.append(report)
        if checkpoint is not None:
            for number in range(self.members):
                (Path(checkpoint) / f"member{number}.safetensors").unlink(missing_ok=True)
        self.networks, self.reports, self._encoder = networks, reports, encoder

    # -- asking -------------------------------------------------------------------------------------------------------

    @property
    def domains(self) -> tuple[str, ...]:
        """Domains there were samples of."""
        return tuple(self._encoder.domains)

    def predict(self, samples: Samples) -> Doubles:
        """Chance of label 1 of each sample [n]; users, items and queries may be any, those unknown included.

        Raises:
            ValueError: not fitted; features other than those of training; a domain that training had no sample of.
        """
        return 1 / (1 + np.exp(-self.logits(samples)))

    def logits(self, samples: Samples) -> Doubles:
        """Log odds [n] of label 1, within +-30."""
        self._check_fitted()
        tables, rows = self._encoder.tables(samples), self._encoder.rows(samples)
        found = torch.stack([predict(network, tables, rows.batch).double() for network in self.networks]).mean(0)
        return found.clamp(-30, 30).numpy()

    def gates(self, samples: Samples) -> dict[str, Gates]:
        """Of "user", "item" and, if the network has them, "query": which aspect spoke, for each sample."""
        self._check_fitted()
        tables, rows = self._encoder.tables(samples), self._encoder.rows(samples)
        sums: dict[str, Tensor] = {}
        for network in self.networks:
            parts: dict[str, list[Tensor]] = {}
            for start in range(0, len(rows.label), PREDICT_ROWS):
                index = torch.arange(start, min(start + PREDICT_ROWS, len(rows.label)))
                with torch.inference_mode():
                    for side, gates in network(tables, rows.take(index).batch).gates.items():
                        parts.setdefault(side, []).append(gates)
            for side, gates_ in parts.items():
                sums[side] = sums.get(side, torch.zeros(())) + torch.cat(gates_) / len(self.networks)
        names = {side: getattr(self.networks[0], side).fusion.names for side in sums}
        return {side: Gates(names[side], value.numpy().astype(np.float32)) for side, value in sums.items()}

    def item_vectors(self, items: Entities, domain: str, rows: Ints | None = None) -> Floats:
        """Vectors [n, W] of items (of all, or of ``rows``) in a domain, for :meth:`user_vectors` to be multiplied with.

        The product is the logit without the experts' part: what ranks well, but is no chance.
        """
        self._check_fitted()
        number, table = self._encoder.domain(domain), self._encoder.side("item", items)
        index = torch.arange(len(items)) if rows is None else torch.from_numpy(np.asarray(rows, np.int64))
        tables = self._encoder.nothing()._replace(item=table)
        parts = [network.item_vectors(tables, index, number) for network in self.networks]
        if self.networks[0].matches:
            parts.append(table.text[index])
        return torch.cat(parts, 1).numpy().astype(np.float32)

    def user_vectors(
        self, users: Entities, domain: str, *, queries: Sequence[str] | None = None, rows: Ints | None = None
    ) -> Floats:
        """Vectors [n, W] of users (of all, or of ``rows``), each with its query of ``queries`` [n] where there are any.

        Raises:
            ValueError: not fitted, unknown domain, other features, as many queries as there are not users.
        """
        self._check_fitted()
        number = self._encoder.domain(domain)
        index = torch.arange(len(users)) if rows is None else torch.from_numpy(np.asarray(rows, np.int64))
        if queries is not None and len(queries) != len(index):
            raise ValueError(f"There are {len(queries)} queries for {len(index)} users; each needs one.")
        asked = self._encoder.asked(tuple(queries or ()))
        query = torch.full((len(index),), NO_QUERY) if queries is None else torch.arange(len(index))
        tables = self._encoder.nothing()._replace(user=self._encoder.side("user", users), query=asked)
        parts = [network.user_vectors(tables, index, query, number) / len(self.networks) for network in self.networks]
        if self.networks[0].matches:
            weight = float(np.mean([network.match_weight(number) for network in self.networks]))
            text = torch.zeros(len(index), self.text_features.dim)
            parts.append(text if queries is None else weight * asked.text)
        return torch.cat(parts, 1).numpy().astype(np.float32)

    # -- files --------------------------------------------------------------------------------------------------------

    def save(self, folder: str | Path) -> Path:
        """Write ``foundation.json`` and ``weights.safetensors``; no pickle, no code. Returns the folder."""
        from safetensors.torch import save_file

        self._check_fitted()
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {
            f"{number}/{name}": value.contiguous()
            for number, network in enumerate(self.networks)
            for name, value in network.state_dict().items()
        }
        save_file(tensors, folder / "weights.safetensors")
        state = {
            "format": FORMAT,
            "embedder": self.text_features.identity,
            "settings": {"network": asdict(self.network), "training": asdict(self.training)},
            "members": self.members,
            "text": self.text,
            "domain_weights": dict(self.domain_weights),
            "encoder": self._encoder.state(),
            "reports": [asdict(report) for report in self.reports],
        }
        (folder / "foundation.json").write_text(json.dumps(state, ensure_ascii=False), encoding="utf-8")
        return folder

    @classmethod
    def load(cls, folder: str | Path, text_features: TextFeatures) -> Foundation:
        """Read what :meth:`save` wrote.

        Raises:
            FileNotFoundError: no such files.
            ValueError: files of another embedder or version, or damaged.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        folder = Path(folder)
        try:
            state = json.loads((folder / "foundation.json").read_text(encoding="utf-8"))
            tensors = load_file(folder / "weights.safetensors")
            if state["format"] != FORMAT:
                raise ValueError(f"it has format {state['format']}, and {FORMAT} can be read")
            if state["embedder"] != text_features.identity:
                raise ValueError(f"it was trained on texts of {state['embedder']!r}, not {text_features.identity!r}")
            settings = state["settings"]
            made = cls(
                text_features,
                NetworkSettings(**settings["network"]),
                TrainingSettings(**settings["training"]),
                state["members"],
                state["text"],
                state["domain_weights"],
            )
            made._encoder = Encoder.from_state(state["encoder"], text_features.of)
            shapes = made._encoder.shapes
            for number in range(made.members):
                network = FoundationNetwork(
                    shapes["user"], shapes["item"], shapes.get("query"), len(made.domains),
                    text_features.dim, made.network,
                )  # fmt: skip
                start = f"{number}/"
                own = {name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)}
                network.load_state_dict(own)
                if network.taste is not None:
                    network.taste.refresh()
                made.networks.append(network.eval())
            made.reports = [TrainingReport(**report) for report in state["reports"]]
        except (KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
            raise ValueError(f"The model in {str(folder)!r} cannot be read: {error}.") from error
        return made

    def _check_fitted(self) -> None:
        if not self.networks:
            raise ValueError("The model has learned nothing yet: call fit, or load a saved one.")


def hold_out(samples: Samples, seed: int, share: float = HELD_OUT) -> tuple[Samples, Samples]:
    """(to learn from, to stop by): of the latter, half are samples drawn by chance, half all samples of some items.

    So that it is asked of known and of new items, as it will be later.

    Raises:
        ValueError: too few samples for both.
    """
    rng = np.random.default_rng(seed)
    cold = rng.random(len(samples.items)) < share / 2
    held = cold[samples.item] | (rng.random(len(samples)) < share / 2)
    if held.all() or not held.any():
        raise ValueError(f"{len(samples):,} samples are too few to hold some out; give validation samples or more.")
    return samples.rows(~held), samples.rows(held)
