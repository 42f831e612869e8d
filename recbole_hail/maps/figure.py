"""The drawing of a map: dots, lines to where they belong, and names."""

import numpy as np

from recbole_hail.maps.layout import EDGE, Frame, Name

_INK, _FAINT = "#1b1b1b", "#767676"


def figure(
    frame: Frame,
    true: np.ndarray,
    moved: np.ndarray,
    sizes: np.ndarray,
    percent: np.ndarray,
    notes: list[list[str]],
    names: dict[int, Name],
    districts: list[Name],
) -> str:
    """HTML that needs no network, as high as most of the window.

    Args:
        frame: turns pixels into degrees.
        true, moved: [N, 2], pixels of the frame: where dots belong and where they stand.
        sizes: [N], pixels across.
        percent: [N], what their colours say.
        notes: of each dot, the lines that are shown when it is pointed at.
        names: of some of them, by their numbers.
        districts: names that belong to no dot.
    """
    import plotly.graph_objects as go  # takes a second

    marker = {
        "size": sizes,
        "opacity": 1,
        "color": percent,
        "colorscale": [[0, "#f0a35e"], [1, "#6b0000"]],  # the palest stands out on white
        "colorbar": {"title": "chance, %", "orientation": "h", "y": 1.0, "yanchor": "bottom", "thickness": 12},
        "line": {"width": 0.5, "color": "#444"},
    }
    y, x = frame.degrees(moved).T
    gap = np.full_like(true, np.nan)
    lines_y, lines_x = frame.degrees(np.stack([true, moved, gap], axis=1).reshape(-1, 2)).T
    lines = go.Scatter(x=lines_x, y=lines_y, mode="lines", line={"width": 1, "color": "#888"}, hoverinfo="skip")
    dots = go.Scatter(x=x, y=y, mode="markers", marker=marker, text=[*map(_lines, notes)], hoverinfo="text")
    figure = go.Figure([lines, dots])
    for number, name in names.items():
        line = {"arrowhead": 0, "arrowwidth": 1, "arrowcolor": "#444", "standoff": sizes[number] / 2}
        figure.add_annotation(**_written(frame, name, moved[number]), **line, font={"size": 12, "color": _INK})
    for name in districts:
        figure.add_annotation(**_written(frame, name), font={"size": 11, "color": _FAINT})
    written = [*names.values(), *districts]
    low = np.min([moved.min(0) - EDGE, *(name.middle - name.half for name in written)], axis=0)
    high = np.max([moved.max(0) + EDGE, *(name.middle + name.half for name in written)], axis=0)
    ends = frame.degrees(np.stack([low, high]))
    figure.update_layout(
        xaxis={"title": {"text": "longitude", "standoff": 8}, "automargin": True, "range": ends[:, 1]},
        yaxis={"title": "latitude", "range": ends[:, 0], "scaleanchor": "x", "scaleratio": 1 / frame.cosine},
        margin={"l": 55, "r": 10, "t": 10, "b": 45},
        template="plotly_white",
        showlegend=False,
    )
    shown = {"responsive": True, "displayModeBar": False}
    return figure.to_html(include_plotlyjs=True, full_html=False, default_height="80vh", config=shown)


def _written(frame: Frame, name: Name, dot: np.ndarray | None = None) -> dict:
    """A name that hangs on its point of the land, with a line from there to the dot if it has one."""
    right, up = np.sign(name.way).astype(int)
    side = {"xanchor": ("center", "left", "right")[right], "yanchor": ("middle", "bottom", "top")[up]}
    (y, x), (dot_y, dot_x) = frame.degrees(np.stack([name.point, name.point if dot is None else dot]))
    at = {"x": x, "y": y, "showarrow": False}
    if dot is not None:
        at = {"x": dot_x, "y": dot_y, "ax": x, "ay": y, "axref": "x", "ayref": "y", "showarrow": True}
    return {"text": _lines(name.text.split("\n")), "borderpad": 0, **side, **at}


def _lines(lines: list[str]) -> str:
    return "<br>".join(map(_plain, lines))


def _plain(text: str) -> str:
    """Without what a browser would take for markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").strip()
