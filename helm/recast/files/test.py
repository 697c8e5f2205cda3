"""What `helm test` runs: a table goes to the service and comes back as JSON, each value as it was sent."""

import json
import os
import urllib.request

table = 'city,code,note\nZürich,007,"a, b"\n東京,010,\n'
expected = [{"city": "Zürich", "code": "007", "note": "a, b"}, {"city": "東京", "code": "010"}]

request = urllib.request.Request(
    os.environ["URL"] + "/convert/json", data=table.encode(), headers={"Content-Type": "text/csv"}
)
if os.environ.get("KEYS"):
    request.add_header("Authorization", "Bearer " + os.environ["KEYS"].split()[0])
with urllib.request.urlopen(request, timeout=120) as answer:
    records = json.load(answer)
    received = [{name: value for name, value in record.items() if value not in (None, "")} for record in records]
    assert received == expected, received
    print(answer.headers["Server-Timing"], records)
