"""The part of prep_report.html that shows brain_qc.section; a Jinja2 text, `brain` its content."""

SECTION = """{% if brain %}
<h2>Brains and registration</h2>
<p class="note">Figures of every head, the oddest first. {% if brain.enough %}A robust z beyond
{{ brain.limit }} on the bad side is marked: {{ brain.odd_count }} of {{ brain.rows | length }} heads.
{% else %}Too few heads to call one odd.{% endif %} They are reasons to look, not verdicts.</p>
{% if brain.rows %}
<details{{ " open" if brain.rows | length <= 20 or brain.odd_count }}><summary>Table</summary>
<table><tr><th>subject</th><th>session</th>
{% for name in brain.columns %}<th class="n">{{ name }}</th>{% endfor %}</tr>
{% for row in brain.rows %}
<tr><td>{{ row.subject }}</td><td>{{ row.session }}</td>
{% for cell in row.cells %}<td class="n">{% if cell.odd %}<b style="color:#b3402f">{% endif %}{{
cell.text }}{% if cell.odd %} (z {{ "%.1f" | format(cell.z) }})</b>{% endif %}</td>{% endfor %}
</tr>
{% endfor %}
</table></details>
{% endif %}
<p class="note">Above: the scan, the outline of the brain mask in red. Below: the brain on the
template's grid, the template's edges in blue. Look for masks that leave brain out or take in eyes
and neck, and for blue lines that do not follow the anatomy.
{% if brain.skipped %}The first {{ brain.skipped }} were skipped.{% endif %}</p>
{% for strip in brain.strips %}
<p class="note">{{ strip.title }}</p><img alt="Quality strip" src="{{ strip.image }}">
{% endfor %}
{% if brain.unshown %}<p class="note">and {{ brain.unshown }} more in the folder qc</p>{% endif %}
{% endif %}
"""
