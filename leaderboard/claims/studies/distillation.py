"""Claims of Kaplun et al. 2022 on students of teachers that fitted label noise."""

from typing import Final

import pandas as pd

from leaderboard.claims.claim import Claim, Evidence, Finding, Range
from leaderboard.claims.effects import average_over_seeds, contrast, noise_level
from leaderboard.claims.figure import Figure, Series, line

SOURCE: Final = "Kaplun et al. 2022, arXiv:2203.14649"
STUDY: Final = "distillation"


def _both(evidence: Evidence) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Select teachers and students, each with the label noise of the teacher."""
    ledger = evidence.ledger.assign(noise=noise_level(evidence.ledger))
    is_student = ledger["hp.teacher"].notna()
    teachers, students = ledger[~is_student], ledger[is_student]
    noise = students["hp.teacher"].map(teachers.set_index("run_id")["noise"]).astype(float)
    return teachers, students.assign(noise=noise)


def _noisy(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["noise"] > 0]


def _teachers_fit(evidence: Evidence) -> Finding:
    teachers, _ = _both(evidence)
    return average_over_seeds(_noisy(teachers), lambda rows: float(rows["train_accuracy"].mean()))


def _students_do_better(evidence: Evidence) -> Finding:
    teachers, students = _both(evidence)
    return contrast(_noisy(students), _noisy(teachers), "test_accuracy")


def _noise_is_undone(evidence: Evidence) -> Finding:
    """Compute, for each seed, the share of the test accuracy that noise costs teachers and not students."""
    teachers, students = _both(evidence)
    both = pd.concat([teachers.assign(student=False), students.assign(student=True)])

    def undone(rows: pd.DataFrame) -> float:
        noisy = rows["noise"] > 0
        mean = rows.pivot_table(index="student", columns=noisy, values="test_accuracy")
        cost = (mean[False] - mean[True]).to_numpy()
        return float(1 - cost[1] / cost[0]) if cost[0] > 0 else float("nan")

    return average_over_seeds(both, undone)


def _series(evidence: Evidence) -> list[Series]:
    names = ("teachers", "students")
    return [line(name, rows, "noise", "test_accuracy") for name, rows in zip(names, _both(evidence), strict=True)]


FIGURE: Final = Figure(x="share of the teacher's labels that is replaced", y="test accuracy", series=_series)


CLAIMS: Final = (
    Claim(
        study=STUDY,
        name="teachers_fit_the_noise",
        statement="The teachers fit their noisy labels.",
        source=f"{SOURCE}, abstract",
        published="networks fit noise to zero training error",
        unit="training accuracy",
        holds=Range(low=0.99),
        test=_teachers_fit,
    ),
    Claim(
        study=STUDY,
        name="students_do_better_than_their_teachers",
        statement="A student of a network that fitted label noise has a higher test accuracy than its teacher.",
        source=f"{SOURCE}, abstract",
        published="samplers, while being bad classifiers, can be good teachers",
        unit="test accuracy, student minus teacher",
        holds=Range(low=0),
        test=_students_do_better,
    ),
    Claim(
        study=STUDY,
        name="students_come_near_the_best",
        statement="A student loses less than half of what the noise costs its teacher.",
        source=f"{SOURCE}, abstract",
        published="a student which approximates the Bayes optimal classifier",
        unit="share of the lost test accuracy that the student has back",
        holds=Range(low=0.5),  # nearer to the network without noise than to the teacher
        test=_noise_is_undone,
    ),
)
