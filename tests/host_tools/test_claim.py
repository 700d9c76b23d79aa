import pytest
from click.testing import CliRunner

from host_tools import claims, cli, labels
from host_tools.errors import UserError


def kista(*arguments, typed=""):
    result = CliRunner().invoke(cli.kista, ["claim", *map(str, arguments)], input=typed)
    return result.exit_code, result.output


@pytest.mark.parametrize("url", ["", "https://city.example/n", "https://city.example/n/"])
def test_what_a_label_says_leads_back_to_its_node(url):
    assert claims.node_of(labels.claim_text("post_a-17", url)) == "post_a-17"
    assert claims.node_of(labels.claim_text("post_a-17", url) + "\r\n") == "post_a-17"


def test_a_scanner_on_a_swedish_or_german_keyboard_is_understood():
    for typed in ("kistaÖpost?a+17", "kistaÖpost?aß17", "KISTA:POST_A-17", "kistaÆpost?a+17"):
        assert claims.node_of(typed) == "post_a-17", typed


def test_what_is_no_label_is_none():
    for text in ("", "Torshamnsgatan 20", "kista:", "kista:a b", "https://", "WIFI:S:x;;", "17"):
        assert claims.node_of(text) is None, text


def test_scans_by_turns_become_claims_and_the_latest_holds(tmp_path):
    out = tmp_path / "claims.csv"
    scans = ["Torshamnsgatan 20", "kista:post-17", "Torshamnsgatan 20", "", "kista:post-18"]
    scans += ["kista:post-19", 'Kista, "torg"', "kista:post-17", "Depån"]
    code, said = kista("-o", out, typed="\n".join([*scans, ""]))
    assert code == 0 and said.count("that is no label") == 1
    assert [(one.node, one.site) for one in claims.read(out)] == [
        ("post-17", "Torshamnsgatan 20"),
        ("post-19", 'Kista, "torg"'),
        ("post-17", "Depån"),
    ]
    assert out.read_text().splitlines()[0] == "node,site,claimed"
    code, said = kista("kista:post-20", "--site", "Yard", "-o", out)
    assert code == 0 and "post-20 hangs at Yard" in said
    assert claims.read(out)[-1].node == "post-20"


def test_what_cannot_be_claimed_is_said_and_not_written(tmp_path):
    out = tmp_path / "claims.csv"
    for node, site, part in (
        ("post 17", "x", "use a-z 0-9 _ -"),
        ("post-17", "x" * 129, "site.name: needs text of 1 to 128"),
    ):
        with pytest.raises(UserError, match=part):
            claims.add(out, node, site)
    with pytest.raises(UserError, match="No such file"):
        claims.add(tmp_path / "no" / "claims.csv", "post-17", "x")
    assert not out.exists() and kista("kista:post-17")[0] == 2
    out.write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match="no file of claims"):
        claims.read(out)
