"""Questions for annotation tools: Label Studio's tasks and Potato's data, each with the configuration beside it.

Source: labelstud.io/tags/pairwise, labelstud.io/guide/task_format (checked with label-studio-sdk 2.1.2);
github.com/davidjurgens/potato docs/pairwise_annotation.md (checked with potato-annotation 2.12.1).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import yaml

from prefloop.config.page import Page
from prefloop.exchange.label_files.questions import Question
from prefloop.exchange.label_files.tables import EMPTY, columns, values
from prefloop.io.atomic import write_text

# The controls of both tools: a side, what is said instead of a side, how much better, and words of one's own.
VERDICT, INSTEAD, STRENGTH, COMMENT = "verdict", "instead", "strength", "comment"
STRENGTHS = ("slightly", "clearly")


def configuration(path: Path, ending: str) -> Path:
    """Where the configuration of a file lies: beside it, under the same name."""
    return path.with_suffix(ending)


def write_studio(path: Path, questions: Sequence[Question], guidelines: str | None, page: Page) -> None:
    """Write tasks as JSON, and the labelling configuration beside them as XML."""
    names = [name for name in columns(questions) if name not in EMPTY]
    tasks = []
    for question in questions:
        row = values(question, guidelines)
        tasks.append({"data": {name: row[name] for name in names}})
    write_text(path, _plain_json(tasks, indent=1) + "\n")
    write_text(configuration(path, ".xml"), studio_config(page))


def studio_config(page: Page) -> str:
    """Label Studio's labelling configuration: two texts to choose from, and the verdicts that are no side."""
    view = ElementTree.Element("View")
    ElementTree.SubElement(view, "Header", value=page.title)
    ElementTree.SubElement(view, "Text", name="prompt", value="$prompt")
    ElementTree.SubElement(view, "Pairwise", name=VERDICT, toName="left,right", selectionStyle="border: 2px solid")
    sides = ElementTree.SubElement(view, "View", style="display: flex; gap: 1em")
    for side in ("left", "right"):
        ElementTree.SubElement(
            ElementTree.SubElement(sides, "View", style="flex: 1"), "Text", name=side, value=f"${side}"
        )
    for name, words in ((INSTEAD, page.verdicts), (STRENGTH, STRENGTHS if page.strength else ())):
        if words:
            choices = ElementTree.SubElement(view, "Choices", name=name, toName="prompt", choice="single")
            for word in words:
                ElementTree.SubElement(choices, "Choice", value=word)
    if page.comment:
        ElementTree.SubElement(view, "TextArea", name=COMMENT, toName="prompt", maxSubmissions="1")
    ElementTree.indent(view)
    return ElementTree.tostring(view, encoding="unicode") + "\n"


def write_potato(path: Path, questions: Sequence[Question], guidelines: str | None, page: Page) -> None:
    """Write data as JSONL, and Potato's configuration beside it as YAML.

    The id of an item says which answer stands left: Potato's exports hold nothing else of an item.
    """
    lines = []
    for question in questions:
        item: dict[str, Any] = {"id": item_id(question), "prompt": question.prompt.plain}
        item["answers"] = [question.left.plain, question.right.plain]
        item |= {"ids": list(question.ids)} if question.ids else {}
        lines.append(_plain_json(item | {"round": question.round, "guidelines": guidelines}) + "\n")
    write_text(path, "".join(lines))
    config = yaml.safe_dump(potato_config(page, path.name), sort_keys=False, allow_unicode=True)
    write_text(configuration(path, ".yaml"), config)


def item_id(question: Question) -> str:
    """What Potato calls a question: the pair, and which of its completions stands left."""
    return f"{question.pair_id}-{'b' if question.is_turned else 'a'}"


def potato_config(page: Page, data: str) -> dict[str, Any]:
    """Potato's configuration: its pairwise schema, and a choice of the verdicts that are no side."""
    others = [word for word in page.verdicts if word != "tie"]
    pairwise = {
        "annotation_type": "pairwise",
        "name": VERDICT,
        "description": page.title,
        "mode": "binary",
        "items_key": "answers",
        "labels": ["left", "right"],
        "allow_tie": "tie" in page.verdicts,
        "tie_label": "tie",
        "label_requirement": {"required": not others},
    }
    schemes: list[dict[str, Any]] = [pairwise]
    for name, about, words in (
        (INSTEAD, "If neither", others),
        (STRENGTH, "How much better", list(STRENGTHS) if page.strength else []),
    ):
        if words:
            schemes.append({"annotation_type": "radio", "name": name, "description": about, "labels": words})
    if page.comment:
        schemes.append({"annotation_type": "text", "name": COMMENT, "description": "Comment"})
    return {
        "annotation_task_name": page.title,
        "task_dir": ".",
        "output_annotation_dir": "annotation_output",
        "export_annotation_format": ["jsonl"],
        "data_files": [data],
        "item_properties": {"id_key": "id", "text_key": "prompt"},
        "instance_display": {
            "fields": [
                {"key": "prompt", "type": "text", "label": "Prompt"},
                {"key": "answers", "type": "pairwise", "display_options": {"labels": ["left", "right"]}},
            ]
        },
        "user_config": {"allow_all_users": True, "users": []},
        "annotation_schemes": schemes,
    }


def _plain_json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)
