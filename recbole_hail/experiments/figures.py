"""What the paper shows, Tables 2 and 3, Figures 3 and 4; and what it only claims, of more peers and of mixed ones."""

from recbole_hail.comparison.notation import ModelSpec
from recbole_hail.experiments import published
from recbole_hail.experiments.budgets import SweepBudget
from recbole_hail.experiments.systems import Experiment, Group, Row, five_systems, hail

# The paper's names of the systems of Table 2 and ours. Its BERT4Rec is one bidirectional network that learns from whole
# sequences, where RecBole's learns one element from each prefix.
_SYSTEMS = {
    "POP": ModelSpec("Pop"),
    "BERT4Rec": hail(peers=1, base_network="bidirectional"),
    "R-CE": ModelSpec("RCE"),
    "S3-Rec": ModelSpec("S3RecID"),
    "HyperRec": ModelSpec("HyperRec"),
    "DuroNet-s": ModelSpec("DuroNetS"),
    "CSa": ModelSpec("CSa"),
    "Informer": ModelSpec("Informer"),
}
_VARIANTS = {
    "I: without the positive term": ("I", {"positive_term": False}),
    "II: without the negative term": ("II", {"negative_term": False}),
    "III: without both": ("III", {"negative_term": False, "positive_term": False}),
    "IV: without denoising": ("IV", {"beta": "0.0"}),
}
_BETAS = ("0.0", "0.01", "0.02", "0.03")  # section 5.5: from 0 to 0.03 with a step of 0.01
_ALPHAS = tuple(f"{tenth / 10}" for tenth in range(11))  # from 0 to 1 with a step of 0.1


def table2(dataset: str, budget: SweepBudget) -> Experiment:
    """All systems, each for the time that HAIL's steps take; HAIL by each peer, as in the paper, and by their mean."""
    known = published.table2(dataset)
    rows = [Row(title, spec, equal_time=True, published=known.get(title, {})) for title, spec in _SYSTEMS.items()]
    rows.append(Row("RecBole's BERT4Rec", ModelSpec("BERT4Rec"), equal_time=True))
    rows.append(Row("HAIL, one network", hail(peers=1), equal_time=True))
    rows += [Row(f"HAIL M{peer}", hail(), view=f"peer {peer}", published=known.get(f"M{peer}", {})) for peer in (1, 2)]
    rows.append(Row("HAIL, mean of its peers", hail()))
    group = Group("Table 2", budget.steps, rows, reference="HAIL M2")
    notes = ("The row HAIL M1 of the differences is the paper's column Diff.",)
    return Experiment("table2", "Table 2: all systems", [group], charted=("HR@1", "HR@10", "MRR"), notes=notes)


def table3(dataset: str, budget: SweepBudget) -> Experiment:
    """Mimicry against MED, by M1: "the results from either of base models are randomly selected" (section 5.6)."""
    known = published.table3(dataset)
    specs = {"mimicry": hail(distillation="mimicry"), "MED": hail()}
    rows = [Row(f"{name} M1", spec, view="peer 1", published=known.get(name, {})) for name, spec in specs.items()]
    rows += [Row(f"{name}, mean of its peers", spec) for name, spec in specs.items()]
    group = Group("Table 3", budget.steps, rows, reference="MED M1")
    return Experiment("table3", "Table 3: mutual mimicry against MED", [group], charted=("HR@1", "NDCG@5", "MRR"))


def fig3(dataset: str, budget: SweepBudget) -> Experiment:
    """HAIL and its variants I to IV by HR@1."""
    known = published.fig3(dataset)

    def row(label, name, spec):
        return Row(label, spec, view="peer 1", published={"HR@1": known[name]} if name in known else {})

    rows = [row("HAIL", "HAIL", hail())]
    rows += [row(label, name, hail(**settings)) for label, (name, settings) in _VARIANTS.items()]
    group = Group("Figure 3", budget.steps, rows, reference="HAIL")
    notes = ("Answers are those of peer 1. The paper's HR@1 follow from the relative differences in its section 5.4.",)
    return Experiment("fig3", "Figure 3: variants of the loss", [group], charted=("HR@1",), notes=notes)


def fig4(dataset: str, budget: SweepBudget) -> Experiment:
    """HR@1 over beta and over alpha."""
    iv = published.fig3(dataset).get("IV")
    betas = [
        Row(f"beta = {beta}", hail(beta=beta), "peer 1", {"HR@1": iv} if iv and beta == "0.0" else {}, float(beta))
        for beta in _BETAS
    ]
    alphas = [Row(f"alpha = {alpha}", hail(alpha=alpha), "peer 1", x=float(alpha)) for alpha in _ALPHAS]
    groups = [
        Group("Figure 4, beta", budget.steps, betas, reference="beta = 0.0"),
        Group("Figure 4, alpha", budget.steps, alphas, reference="alpha = 0.5"),
    ]
    notes = (
        "Answers are those of peer 1. beta = 0 is variant IV of section 5.4; the paper's other points cannot be read.",
    )
    return Experiment("fig4", "Figure 4: beta and alpha", groups, chart="lines", charted=("HR@1",), notes=notes)


def fig1b(dataset: str, budget: SweepBudget) -> Experiment:
    """How often peers of HAIL, of its rivals and independent networks answer inconsistently."""
    systems = five_systems()
    rows = [Row(name.removeprefix("mean of "), spec) for name, spec in systems.items() if name != "one network"]
    group = Group("Figure 1b", budget.steps, rows, reference="MED")
    notes = ["Shares over training are of runs that keep the course of their training."]
    share = published.inconsistent_share(dataset)
    if share is not None:
        notes.append(f"The paper finds {share:.2%} inconsistent among 50 training samples and several initialisations.")
    title = "Figure 1b: inconsistent answers between peers"
    return Experiment("fig1b", title, [group], chart="shares", charted=("some right",), notes=tuple(notes))


def peers(dataset: str, budget: SweepBudget) -> Experiment:
    """T = 2, 3 and 4 peers, and peers of different structure (section 3.6), and what they cost (section 5.6)."""
    rows = [Row("T = 1, one network", hail(peers=1)), Row("T = 2", hail())]
    rows += [Row(f"T = {count}", hail(peers=count)) for count in (3, 4)]
    mixed = [Row(f"T = 2, {name}", hail(base_network=name)) for name in ("causal", "gru", "[causal,gru]")]
    groups = [
        Group("More peers", budget.steps, rows, reference="T = 2"),
        Group("Mixed structures", budget.steps, mixed, reference="T = 2, [causal,gru]"),
    ]
    title = "Section 3.6: more peers and mixed structures"
    return Experiment("peers", title, groups, charted=("HR@1", "MRR"), costs=True)


EXPERIMENTS = {"table2": table2, "table3": table3, "fig3": fig3, "fig4": fig4, "fig1b": fig1b, "peers": peers}
