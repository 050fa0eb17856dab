"""The template of prep_report.html: no script, no network, prints on A4."""

from data_prep.datalist.brain_page import SECTION

PAGE = (
    """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ name }}: preparation</title>
<style>
 body { font: 15px/1.5 system-ui, "Segoe UI", Arial, sans-serif; color: #1c2733; margin: 0;
        background: #fff; }
 main { max-width: 1160px; margin: 0 auto; padding: 28px 24px 60px; }
 h1 { font-size: 26px; margin: 0 0 2px; } h2 { font-size: 19px; margin: 36px 0 6px; }
 p.lead, .note { color: #55616d; } .note { font-size: 13.5px; margin: 2px 0 8px; max-width: 80ch; }
 .cards { display: flex; flex-wrap: wrap; gap: 12px; margin: 18px 0 4px; }
 .card { background: #f4f6f8; border-radius: 8px; padding: 10px 16px; min-width: 92px; }
 .card b { display: block; font-size: 22px; } .card.warn { background: #fdf0e6; }
 table { border-collapse: collapse; width: 100%; font-size: 14px; }
 th, td { text-align: left; padding: 5px 12px 5px 0; border-bottom: 1px solid #e3e8ec;
          vertical-align: top; }
 th { color: #55616d; font-weight: 600; } td.n, th.n { text-align: right; white-space: nowrap; }
 table.tight { margin-bottom: 14px; table-layout: fixed; }
 img { max-width: 100%; height: auto; border-radius: 4px; } svg { max-width: 720px; width: 100%; }
 svg text { font: 12px system-ui, Arial, sans-serif; }
 .key { display: inline-block; width: 14px; height: 4px; margin: 0 4px 3px 10px; }
 details { margin-top: 10px; } summary { cursor: pointer; color: #1f6f8b; }
 code, pre { font: 12.5px ui-monospace, Consolas, monospace; } pre { white-space: pre-wrap; }
 @media print { main { padding: 0; } h2 { break-after: avoid; } img, tr { break-inside: avoid; } }
</style></head><body><main>
<h1>{{ name }}</h1>
<p class="lead">{{ description or "Images prepared for training and testing." }}</p>
<div class="cards">
 <div class="card"><b>{{ images }}</b>images</div>
 <div class="card"><b>{{ subjects }}</b>subjects</div>
 <div class="card"><b>{{ size }} &times; {{ size }}</b>{{ bits }} bit</div>
 <div class="card"><b>{{ inputs }}</b>inputs</div>
 <div class="card{{ ' warn' if skipped_count }}"><b>{{ skipped_count }}</b>skipped</div>
 <div class="card"><b>{{ left_count }}</b>left out</div>
</div>

<h2>Sections</h2>
<table><tr><th>section</th><th class="n">subjects</th><th class="n">images</th>
<th class="n">healthy</th><th class="n">diseased</th><th class="n">with mask</th></tr>
{% for s in sections %}
<tr><td>{{ s.name }}</td><td class="n">{{ s.subjects }}</td><td class="n">{{ s.images }}</td>
<td class="n">{{ s.healthy }}</td><td class="n">{{ s.diseased }}</td><td class="n">{{ s.masks }}</td>
</tr>
{% endfor %}
</table>
<p class="note">No subject is in two sections. Training images carry no label: the mixed ones are
unannotated, the healthy ones need none.</p>

{% if groups %}
<h2>Skipped and left out</h2>
<p class="note">Skipped: it cannot be used. Left out: it could be, but is not wanted here.</p>
<table><tr><th class="n">inputs</th><th></th><th>why</th><th>what to do</th></tr>
{% for g in groups %}
<tr><td class="n">{{ g.count }}</td><td>{{ g.status }}</td><td>{{ g.reason }}</td>
<td>{{ g.remedy }}</td></tr>
{% endfor %}
</table>
<details><summary>Every one of them</summary>
<table><tr><th>input</th><th>why</th></tr>
{% for o in missing %}
<tr><td><code>{{ o.source }}</code></td>
<td>{{ o.reason }}{% if o.details.detail %}: {{ o.details.detail }}{% endif %}</td></tr>
{% endfor %}
</table>
{% if unlisted %}<p class="note">and {{ unlisted }} more in skipped.csv</p>{% endif %}
</details>
{% endif %}

{% for s in sections %}
<h2>{{ s.name }}</h2>
<p class="note">{{ s.shown }} of {{ s.images }} images, evenly chosen. Look for images that are
inverted{{ " (lungs must be dark)" if modality == "radiograph" }}, upside down, cropped away from
the anatomy, or not what the data set is about.
{% if s.healthy != "" %}
<span class="key" style="background:#2e7d5a"></span>healthy
<span class="key" style="background:#c83c32"></span>diseased
{% if s.masks %}; a red line is the lesion mask{% endif %}
{% endif %}</p>
<img alt="Contact sheet of {{ s.name }}" src="{{ s.sheet }}">
{% endfor %}

{% if odd %}
<h2>Least like the others</h2>
<p class="note">The images whose shape and shading differ most from the median image. They may be
quite right; look at them before you train.</p>
<img alt="Unusual images" src="{{ odd }}">
<details><summary>Their names</summary><pre>{{ odd_names | join("\\n") }}</pre></details>
{% endif %}

"""
    + SECTION
    + """{% if histogram %}
<h2>Grey levels</h2>
<p class="note">Mean histogram of each section. Curves that differ clearly between the healthy and
the mixed images point to another device, window or hospital: a network will learn that difference
before it learns disease.</p>
{{ histogram | safe }}
{% endif %}

{% if by_section or facts or doubts %}
<h2>What the inputs were</h2>
<p class="note">Inputs of each section. A device, a view or an encoding that only the healthy or
only the mixed images have will be learnt instead of disease.</p>
{% for fact, rows in by_section %}
<table class="tight"><tr><th>{{ fact }}</th>
{% for name in filled %}<th class="n">{{ name }}</th>{% endfor %}</tr>
{% for value, numbers in rows %}
<tr><td>{{ value }}</td>{% for n in numbers %}<td class="n">{{ n }}</td>{% endfor %}</tr>
{% endfor %}
</table>
{% endfor %}
<table>
{% for fact, values in facts %}
<tr><th>{{ fact }}</th><td>{% for value, n in values %}{{ value }} ({{ n }}){{ ", " if not loop.last
}}{% endfor %}</td></tr>
{% endfor %}
</table>
{% for text in doubts %}
<p class="note">{{ text }}</p>
{% endfor %}
{% endif %}

<h2>Provenance</h2>
<p class="note">data_prep {{ version }}, content hash <code>{{ content_hash }}</code>. Research
software, not a medical device.</p>
<details><summary>Recipe</summary><pre>{{ recipe }}</pre></details>
</main></body></html>
"""
)
