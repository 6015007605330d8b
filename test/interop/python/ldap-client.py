"""python3-ldap (OpenLDAP's libldap under the names of Python) against a running server.

Reads what it needs from the environment variable SERVER (JSON) and writes one JSON document: for each
row its name and, where it failed, why. Started by test/interop/python-ldap.test.ts.
"""

import json
import os
import traceback

import ldap
import ldap.cidict
import ldap.dn
import ldap.filter
import ldap.modlist
import ldap.sasl
import ldap.schema
from ldap.controls.libldap import AssertionControl, MatchedValuesControl, SimplePagedResultsControl
from ldap.controls.readentry import PostReadControl, PreReadControl
from ldap.controls.simple import BooleanControl, ManageDSAITControl, ValueLessRequestControl
from ldap.controls.sss import SSSRequestControl

server = json.loads(os.environ["SERVER"])
rows = []

ldap.set_option(ldap.OPT_X_TLS_CACERTFILE, server["caFile"])
ldap.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND)
ldap.set_option(ldap.OPT_NETWORK_TIMEOUT, 10)

UNIT = "ou=Python,o=JPKI,c=JP"
SORTED = ["p%02d" % number for number in range(12)]


def row(name):
    """Runs what it decorates and keeps how it went."""

    def run(body):
        try:
            body()
            rows.append({"name": name})
        except Exception:  # a failure of whatever kind is the row's result
            rows.append({"name": name, "failure": traceback.format_exc()})

    return run


def connect(url=server["ldapsUrl"]):
    connection = ldap.initialize(url)
    connection.protocol_version = ldap.VERSION3
    connection.timeout = 10
    return connection


def connect_with_certificate(url=server["ldapsUrl"]):
    connection = connect(url)
    # A context of its own takes over none of the options that all connections share.
    connection.set_option(ldap.OPT_X_TLS_CACERTFILE, server["caFile"])
    connection.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND)
    connection.set_option(ldap.OPT_X_TLS_CERTFILE, server["certificateFile"])
    connection.set_option(ldap.OPT_X_TLS_KEYFILE, server["keyFile"])
    connection.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
    return connection


def administrator():
    connection = connect()
    connection.simple_bind_s(server["administratorDn"], server["administratorPassword"])
    return connection


def refused(error, act, *arguments, **named):
    try:
        act(*arguments, **named)
    except error as raised:
        return raised
    raise AssertionError(f"not refused with {error}")


def same(actual, expected):
    assert actual == expected, f"{actual!r} is not {expected!r}"


def same_name(actual, expected):
    same(ldap.dn.str2dn(actual.lower()), ldap.dn.str2dn(expected.lower()))


def person(name, **more):
    entry = {"objectClass": [b"person"], "cn": [name.encode()], "sn": [b"Sato"], **more}
    return ldap.modlist.addModlist(entry)


@row("anonymous: reads the CA entry with its certificate")
def _():
    connection = connect(server["ldapUrl"])
    [(dn, entry)] = connection.search_s(server["caDn"], ldap.SCOPE_BASE)
    same_name(dn, server["caDn"])
    [certificate] = entry["cACertificate;binary"]
    same(certificate[0], 0x30)
    same(connection.whoami_s(), "")


@row("simple bind: right, wrong, without a password, and again on the same connection")
def _():
    connection = connect()
    dn, password = server["administratorDn"], server["administratorPassword"]
    refused(ldap.INVALID_CREDENTIALS, connection.simple_bind_s, dn, "wrong")
    same(connection.whoami_s(), "")
    connection.simple_bind_s(dn, password)
    same_name(connection.whoami_s()[3:], dn)
    refused(ldap.UNWILLING_TO_PERFORM, connection.simple_bind_s, dn, "")
    same(connection.whoami_s(), "")
    connection.simple_bind_s(dn, password)
    connection.simple_bind_s("", "")
    same(connection.whoami_s(), "")
    connection.unbind_s()


@row("StartTLS: asked for before a password, once, and the identity before it is gone")
def _():
    connection = connect(server["ldapUrl"])
    dn, password = server["administratorDn"], server["administratorPassword"]
    refused(ldap.CONFIDENTIALITY_REQUIRED, connection.simple_bind_s, dn, password)
    connection.start_tls_s()
    connection.simple_bind_s(dn, password)
    same_name(connection.whoami_s()[3:], dn)
    # libldap refuses a second StartTLS itself; the extended request asks the server.
    again = ldap.extop.ExtendedRequest("1.3.6.1.4.1.1466.20037", None)
    refused(ldap.OPERATIONS_ERROR, connection.extop_s, again)


@row("SASL EXTERNAL: the account of the certificate, over LDAPS and StartTLS")
def _():
    for url in (server["ldapsUrl"], server["ldapUrl"]):
        connection = connect_with_certificate(url)
        if url == server["ldapUrl"]:
            connection.start_tls_s()
        same(connection.whoami_s(), "")
        connection.sasl_external_bind_s()
        same_name(connection.whoami_s()[3:], server["verifierDn"])
        connection.sasl_external_bind_s(authz_id="dn:" + server["verifierDn"])
        other = "dn:" + server["administratorDn"]
        refused(ldap.INVALID_CREDENTIALS, connection.sasl_external_bind_s, authz_id=other)
        same(connection.whoami_s(), "")


@row("SASL EXTERNAL without a certificate is not even tried by the client library")
def _():
    refused(ldap.AUTH_UNKNOWN, connect().sasl_external_bind_s)


@row("SASL PLAIN under TLS; a mechanism that is not offered")
def _():
    connection = connect()
    connection.set_option(ldap.OPT_X_SASL_SSF_MIN, 0)
    answers = {
        ldap.sasl.CB_AUTHNAME: server["administratorDn"],
        ldap.sasl.CB_PASS: server["administratorPassword"],
    }
    connection.sasl_interactive_bind_s("", ldap.sasl.sasl(answers, "PLAIN"))
    same_name(connection.whoami_s()[3:], server["administratorDn"])


@row("a verifier reads a list, and anonymous does not learn of it")
def _():
    connection = connect_with_certificate()
    wish = (server["partitionDn"], ldap.SCOPE_BASE, "(objectClass=*)", ["certificateRevocationList;binary"])
    [(_dn, entry)] = connection.search_s(*wish)
    same(entry, {})
    connection.sasl_external_bind_s()
    [(_dn, entry)] = connection.search_s(*wish)
    same(entry["certificateRevocationList;binary"][0][0], 0x30)


@row("adds, compares, modifies, renames under another parent, deletes")
def _():
    connection = administrator()
    connection.add_s(UNIT, [("objectClass", [b"organizationalUnit"]), ("ou", [b"Python"])])
    for name in SORTED:
        connection.add_s(f"cn={name},{UNIT}", person(name, description=[b"x", name.encode()]))
    dn = f"cn=p00,{UNIT}"
    assert connection.compare_s(dn, "sn", b"SATO")
    assert not connection.compare_s(dn, "sn", b"Mori")
    japanese = "前橋市".encode()
    connection.modify_s(dn, [(ldap.MOD_REPLACE, "sn", [japanese]), (ldap.MOD_DELETE, "description", [b"x"])])
    [(_dn, entry)] = connection.search_s(dn, ldap.SCOPE_BASE, "(sn=前橋市)", ["sn", "description"])
    same(entry, {"sn": [japanese], "description": [b"p00"]})
    connection.add_s(f"ou=Below,{UNIT}", [("objectClass", [b"organizationalUnit"]), ("ou", [b"Below"])])
    connection.rename_s(dn, "cn=moved", newsuperior=f"ou=Below,{UNIT}", delold=1)
    refused(ldap.NO_SUCH_OBJECT, connection.search_s, dn, ldap.SCOPE_BASE)
    [(_dn, entry)] = connection.search_s(f"cn=moved,ou=Below,{UNIT}", ldap.SCOPE_BASE, attrlist=["cn"])
    same(entry, {"cn": [b"moved"]})
    connection.rename_s(f"cn=moved,ou=Below,{UNIT}", "cn=p00", newsuperior=UNIT)
    connection.delete_s(f"ou=Below,{UNIT}")


@row("every refusal has its exception")
def _():
    connection = administrator()
    absent = refused(ldap.NO_SUCH_OBJECT, connection.delete_s, f"cn=nobody,{UNIT}")
    same_name(absent.args[0]["matched"], UNIT)
    dn = f"cn=p01,{UNIT}"
    refused(ldap.ALREADY_EXISTS, connection.add_s, dn, person("p01"))
    incomplete = [("objectClass", [b"person"]), ("cn", [b"q"])]
    refused(ldap.OBJECT_CLASS_VIOLATION, connection.add_s, f"cn=q,{UNIT}", incomplete)
    refused(ldap.UNDEFINED_TYPE, connection.add_s, f"cn=q,{UNIT}", person("q", nonsense=[b"1"]))
    refused(ldap.INVALID_DN_SYNTAX, connection.add_s, "no name", person("q"))
    refused(ldap.NOT_ALLOWED_ON_NONLEAF, connection.delete_s, UNIT)
    change = connection.modify_s
    refused(ldap.TYPE_OR_VALUE_EXISTS, change, dn, [(ldap.MOD_ADD, "sn", [b"sato"])])
    refused(ldap.NO_SUCH_ATTRIBUTE, change, dn, [(ldap.MOD_DELETE, "seeAlso", None)])
    refused(ldap.INVALID_SYNTAX, change, dn, [(ldap.MOD_ADD, "seeAlso", [b"no name"])])
    refused(ldap.NOT_ALLOWED_ON_RDN, change, dn, [(ldap.MOD_DELETE, "cn", [b"p01"])])
    refused(ldap.CONSTRAINT_VIOLATION, change, dn, [(ldap.MOD_REPLACE, "entryUUID", [b"x"])])
    other = [(ldap.MOD_REPLACE, "objectClass", [b"device"]), (ldap.MOD_DELETE, "sn", None)]
    refused(ldap.NO_OBJECT_CLASS_MODS, change, dn, other)
    refused(ldap.UNDEFINED_TYPE, connection.compare_s, dn, "nonsense", b"x")
    refused(ldap.PROTOCOL_ERROR, connection.extop_s, ldap.extop.ExtendedRequest("1.2.3.4", None))
    # The filter never leaves the client library.
    refused(ldap.FILTER_ERROR, connection.search_s, UNIT, ldap.SCOPE_BASE, "(((")
    wish = (UNIT, ldap.SCOPE_ONELEVEL, "(objectClass=person)", ["cn"])
    refused(ldap.SIZELIMIT_EXCEEDED, connection.search_ext_s, *wish, sizelimit=3)
    unknown = ValueLessRequestControl("1.2.3.4.5", criticality=True)
    refused(ldap.UNAVAILABLE_CRITICAL_EXTENSION, connection.search_ext_s, *wish, serverctrls=[unknown])
    anonymous = connect()
    outcome = refused(ldap.LDAPError, anonymous.delete_s, dn)
    assert isinstance(outcome, (ldap.INSUFFICIENT_ACCESS, ldap.NO_SUCH_OBJECT)), outcome


def result_of(connection, *wish, controls):
    message = connection.search_ext(*wish, serverctrls=controls)
    _type, data, _message, answered = connection.result3(message)
    return [entry for dn, entry in data if dn is not None], answered


@row("paged results (RFC 2696)")
def _():
    connection = administrator()
    found, pages, cookie = [], 0, ""
    while True:
        control = SimplePagedResultsControl(True, size=5, cookie=cookie)
        wish = (UNIT, ldap.SCOPE_ONELEVEL, "(objectClass=person)", ["cn"])
        entries, [answered] = result_of(connection, *wish, controls=[control])
        found += [entry["cn"][-1].decode() for entry in entries]
        pages += 1
        cookie = answered.cookie
        if not cookie:
            break
    same((sorted(found), pages), (sorted(SORTED), 3))


@row("sorting (RFC 2891), backwards and by a rule")
def _():
    connection = administrator()
    wish = (UNIT, ldap.SCOPE_ONELEVEL, "(objectClass=person)", ["cn"])
    for key, expected in (("cn", SORTED), ("-cn:2.5.13.3", SORTED[::-1])):
        control = SSSRequestControl(ordering_rules=[key], criticality=True)
        entries, [answered] = result_of(connection, *wish, controls=[control])
        same([entry["cn"][-1].decode() for entry in entries], expected)
        same(answered.sortResult, 0)


@row("matched values (RFC 3876)")
def _():
    connection = administrator()
    control = MatchedValuesControl(criticality=True, filterstr="((description=x))")
    entries, _ = result_of(connection, f"cn=p02,{UNIT}", ldap.SCOPE_BASE, "(cn=*)", controls=[control])
    same(entries[0]["description"], [b"x"])


@row("assertion, pre-read and post-read (RFC 4528, 4527)")
def _():
    connection = administrator()
    dn = f"cn=p03,{UNIT}"
    change = [(ldap.MOD_REPLACE, "sn", [b"Mori"])]
    false = AssertionControl(True, "(sn=Abe)")
    refused(ldap.ASSERTION_FAILED, connection.modify_ext_s, dn, change, serverctrls=[false])
    reading = [PreReadControl(True, ["sn"]), PostReadControl(True, ["sn", "modifiersName"])]
    _t, _d, _m, answered = connection.modify_ext_s(dn, change, serverctrls=reading)
    before, after = answered
    same((before.entry["sn"], after.entry["sn"]), ([b"Sato"], [b"Mori"]))
    same_name(after.entry["modifiersName"][0].decode(), server["administratorDn"])
    same_name(before.dn, dn)


@row("referral objects, and manageDsaIT to see them (RFC 3296)")
def _():
    connection = administrator()
    connection.set_option(ldap.OPT_REFERRALS, 0)
    dn, uri = f"ou=Elsewhere,{UNIT}", b"ldap://b.example/ou=X,o=Y"
    classes = [b"referral", b"extensibleObject"]
    connection.add_s(dn, [("objectClass", classes), ("ou", [b"Elsewhere"]), ("ref", [uri])])
    found = connection.search_s(UNIT, ldap.SCOPE_ONELEVEL, "(objectClass=*)", ["1.1"])
    same([urls for name, urls in found if name is None], [["ldap://b.example/ou=X,o=Y??base"]])
    raised = refused(ldap.REFERRAL, connection.search_s, dn, ldap.SCOPE_BASE)
    assert "ldap://b.example/ou=X,o=Y" in raised.args[0]["info"], raised
    manage = [ManageDSAITControl(True)]
    [(_dn, entry)] = connection.search_ext_s(dn, ldap.SCOPE_BASE, attrlist=["ref"], serverctrls=manage)
    same(entry["ref"], [uri])
    connection.delete_ext_s(dn, serverctrls=manage)


@row("subentries (RFC 3672)")
def _():
    connection = administrator()
    dn = f"cn=policy,{UNIT}"
    attributes = {"objectClass": b"subentry", "cn": b"policy", "subtreeSpecification": b"{ }"}
    connection.add_s(dn, [(name, [value]) for name, value in attributes.items()])
    control = BooleanControl("1.3.6.1.4.1.4203.1.10.1", True, True)
    wish = (UNIT, ldap.SCOPE_ONELEVEL, "(objectClass=*)", ["cn"])
    entries, _ = result_of(connection, *wish, controls=[control])
    same([entry["cn"] for entry in entries], [[b"policy"]])
    assert dn not in [name for name, _entry in connection.search_s(*wish)]
    connection.delete_s(dn)


@row("operational attributes, attributes of a class, absolute filters, values alone")
def _():
    connection = administrator()
    dn = f"cn=p04,{UNIT}"
    [(_dn, entry)] = connection.search_s(dn, ldap.SCOPE_BASE, attrlist=["+"])
    assert {"entryUUID", "createTimestamp", "entryDN", "subschemaSubentry"} <= set(entry), entry
    [(_dn, entry)] = connection.search_s(dn, ldap.SCOPE_BASE, attrlist=["@person"])
    same(set(entry), {"objectClass", "cn", "sn", "description"})
    [(_dn, entry)] = connection.search_s(dn, ldap.SCOPE_BASE, "(&)", attrsonly=1)
    same(set(entry["sn"]), set())
    same(connection.search_s(dn, ldap.SCOPE_BASE, "(|)"), [])
    same(connection.search_s(dn, ldap.SCOPE_BASE, attrlist=["1.1"]), [(dn, {})])


@row("values with every octet in a filter, as ldap.filter escapes them")
def _():
    connection = administrator()
    awkward = "a*b(c)d\\e f,+\"<>;=#é"
    dn = "cn=%s,%s" % (ldap.dn.escape_dn_chars(awkward), UNIT)
    connection.add_s(dn, person(awkward))
    chosen = ldap.filter.filter_format("(cn=%s)", [awkward])
    [(found, entry)] = connection.search_s(UNIT, ldap.SCOPE_SUBTREE, chosen)
    same(entry["cn"], [awkward.encode()])
    same(ldap.dn.str2dn(found), ldap.dn.str2dn(dn))
    connection.delete_s(found)


@row("Password Modify (RFC 3062)")
def _():
    connection = administrator()
    dn = f"cn=account,ou=Verifiers,{server['caDn']}"
    first, second = "a long enough password", "another long password"
    connection.add_s(dn, person("account", userPassword=[first.encode()]))
    own = connect()
    own.simple_bind_s(dn, first)
    own.passwd_s(dn, first, second)
    again = connect()
    refused(ldap.INVALID_CREDENTIALS, again.simple_bind_s, dn, first)
    again.simple_bind_s(dn, second)
    _name, made = connection.passwd_s(dn, None, None, extract_newpw=True)
    again.simple_bind_s(dn, made.genPasswd.decode())
    connection.delete_s(dn)


@row("abandon, and Cancel of what is not there (RFC 3909)")
def _():
    connection = administrator()
    message = connection.search(UNIT, ldap.SCOPE_SUBTREE)
    connection.abandon(message)
    # Abandoned and perhaps not out of the server's hands yet, or out of them.
    refused((ldap.NO_SUCH_OPERATION, ldap.TOO_LATE), connection.cancel_s, message)
    refused(ldap.NO_SUCH_OPERATION, connection.cancel_s, 4711)
    same_name(connection.whoami_s()[3:], server["administratorDn"])


@row("many requests at once on one connection, answered each to its own")
def _():
    connection = administrator()
    asked = {connection.search(f"cn={name},{UNIT}", ldap.SCOPE_BASE): name for name in SORTED * 5}
    for message, name in reversed(list(asked.items())):
        _type, [(dn, _entry)] = connection.result(message)
        same(dn, f"cn={name},{UNIT}")


@row("the subschema is read whole, each description once, and describes what is served")
def _():
    connection = connect()
    name = connection.search_subschemasubentry_s(server["caDn"])
    same_name(name, "cn=Subschema")
    schema = ldap.schema.SubSchema(connection.read_subschemasubentry_s(name), check_uniqueness=2)
    kinds = ldap.schema.models
    for kind, least in ((kinds.AttributeType, 100), (kinds.ObjectClass, 30), (kinds.MatchingRule, 40), (kinds.LDAPSyntax, 30)):
        oids = schema.listall(kind)
        assert len(oids) >= least, (kind, len(oids))
        for oid in oids:
            described = schema.get_obj(kind, oid)
            again = kind(str(described))
            same(str(again), str(described))
    must, may = schema.attribute_types(["cRLDistributionPoint", "certdirPartition"])
    assert "2.5.4.3" in must, must
    assert "2.5.4.39" in may, may
    crl = schema.get_obj(kinds.AttributeType, "certificateRevocationList")
    same((crl.oid, crl.syntax), ("2.5.4.39", "1.3.6.1.4.1.1466.115.121.1.9"))
    same(schema.get_inheritedobj(kinds.AttributeType, "cn", ["equality"]).equality, "caseIgnoreMatch")
    for oid in schema.listall(kinds.AttributeType):
        described = schema.get_obj(kinds.AttributeType, oid)
        inherited = schema.get_inheritedobj(kinds.AttributeType, oid, ["syntax"])
        assert inherited.syntax, described.names
        for rule in (described.equality, described.ordering, described.substr):
            assert rule is None or schema.get_obj(kinds.MatchingRule, rule) is not None, (described.names, rule)
    for oid in schema.listall(kinds.ObjectClass):
        described = schema.get_obj(kinds.ObjectClass, oid)
        for attribute in described.must + described.may:
            assert schema.get_obj(kinds.AttributeType, attribute) is not None, (described.names, attribute)
        for superior in described.sup:
            assert schema.get_obj(kinds.ObjectClass, superior) is not None, (described.names, superior)


@row("the root DSE says what was used here")
def _():
    dse = connect().read_rootdse_s()
    for control in (SimplePagedResultsControl, SSSRequestControl, MatchedValuesControl, AssertionControl):
        assert control.controlType.encode() in dse["supportedControl"], control
    same(dse["supportedLDAPVersion"], [b"3"])
    assert b"1.3.6.1.1.8" in dse["supportedExtension"]


print(json.dumps(rows))
