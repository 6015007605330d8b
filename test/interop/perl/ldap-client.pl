#!/usr/bin/perl
# Perl's Net::LDAP, whose codec shares nothing with OpenLDAP's, against a running server. Reads what it needs
# from environment variables and writes one JSON document: for each row its name and, where it failed, why.
# Started by test/interop/perl-ldap.test.ts.

use strict;
use warnings;

use JSON::PP;
use Net::LDAP;
use Net::LDAP::Constant qw(LDAP_CONTROL_PAGED LDAP_CONTROL_SORTRESULT LDAP_CONTROL_POSTREAD);
use Net::LDAP::Control::Assertion;
use Net::LDAP::Control::ManageDsaIT;
use Net::LDAP::Control::MatchedValues;
use Net::LDAP::Control::Paged;
use Net::LDAP::Control::PostRead;
use Net::LDAP::Control::Sort;
use Net::LDAP::Control::Subentries;
use Net::LDAP::Extension::Cancel;
use Net::LDAP::Extension::WhoAmI;
use Net::LDAP::Util qw(canonical_dn);

my $unit = 'ou=Perl,o=JPKI,c=JP';
my @names = map { "p$_" } 0 .. 6;
my @rows;

sub row {
    my ($name, $body) = @_;
    my %row = (name => $name);
    $row{failure} = "$@" unless eval { $body->(); 1 };
    push @rows, \%row;
}

sub same {
    my ($actual, $expected) = @_;
    die "'$actual' is not '$expected'\n" . join(' ', caller) . "\n" unless $actual eq $expected;
}

# The answer, which must have this result.
sub result {
    my ($answer, $code) = @_;
    die $answer->code . ' (' . $answer->error . ") is not $code\n" . join(' ', caller) . "\n"
        unless $answer->code == ($code // 0);
    return $answer;
}

my %tls = (verify => 'require', cafile => $ENV{CA_FILE});

sub administrator {
    my $ldap = Net::LDAP->new($ENV{LDAPS_URL}, %tls) or die "$@";
    result($ldap->bind($ENV{ADMINISTRATOR_DN}, password => $ENV{ADMINISTRATOR_PASSWORD}));
    return $ldap;
}

sub persons {
    my ($ldap, @options) = @_;
    return $ldap->search(
        base => $unit, scope => 'one', filter => '(objectClass=person)', attrs => ['cn'], @options);
}

row('without a bind: the CA entry, and its certificate as bytes' => sub {
    my $ldap = Net::LDAP->new($ENV{LDAP_URL}) or die "$@";
    my $found = result($ldap->search(base => $ENV{CA_DN}, scope => 'base', filter => '(&)'));
    my $certificate = $found->entry(0)->get_value('cACertificate;binary');
    same(ord($certificate), 0x30);
    same($ldap->who_am_i->response // '', '');
});

row('StartTLS, once, and binds after it' => sub {
    my $ldap = Net::LDAP->new($ENV{LDAP_URL}) or die "$@";
    my @password = ($ENV{ADMINISTRATOR_DN}, password => $ENV{ADMINISTRATOR_PASSWORD});
    result($ldap->bind(@password), 13);
    result($ldap->start_tls(%tls));
    result($ldap->bind($ENV{ADMINISTRATOR_DN}, password => 'wrong'), 49);
    result($ldap->bind(@password));
    same(lc $ldap->who_am_i->response, lc "dn:$ENV{ADMINISTRATOR_DN}");
    result($ldap->bind);
    same($ldap->who_am_i->response // '', '');
});

row('adds, compares, modifies, increments, moves and deletes' => sub {
    my $ldap = administrator();
    result($ldap->add($unit, attrs => [objectClass => 'organizationalUnit', ou => 'Perl']));
    for my $name (@names) {
        my @attributes = (objectClass => ['person', 'extensibleObject'], cn => $name, sn => 'Sato');
        result($ldap->add("cn=$name,$unit", attrs => [@attributes, supportedLDAPVersion => 41]));
    }
    my $dn = "cn=p0,$unit";
    result($ldap->add($dn, attrs => [objectClass => 'person', cn => 'p0', sn => 'x']), 68);
    result($ldap->compare($dn, attr => 'sn', value => 'SATO'), 6);
    result($ldap->compare($dn, attr => 'sn', value => 'Mori'), 5);
    result($ldap->modify($dn, increment => { supportedLDAPVersion => 1 }, replace => { sn => 'Mori' }));
    my @wish = (base => $dn, filter => '(sn=mori)', attrs => ['supportedLDAPVersion']);
    same(result($ldap->search(@wish))->entry(0)->get_value('supportedLDAPVersion'), 42);
    result($ldap->add("ou=Below,$unit", attrs => [objectClass => 'organizationalUnit', ou => 'Below']));
    my @move = (newrdn => 'cn=moved', deleteoldrdn => 1, newsuperior => "ou=Below,$unit");
    result($ldap->moddn($dn, @move));
    result($ldap->search(base => $dn, filter => '(&)'), 32);
    result($ldap->moddn("cn=moved,ou=Below,$unit", newrdn => 'cn=p0', deleteoldrdn => 1, newsuperior => $unit));
    result($ldap->delete($unit), 66);
    result($ldap->delete("ou=Below,$unit"));
});

row('pages, sorted, matched values, assertions, reading afterwards' => sub {
    my $ldap = administrator();
    my ($count, $pages, $page) = (0, 0, Net::LDAP::Control::Paged->new(size => 3, critical => 1));
    while (1) {
        my $found = result(persons($ldap, control => [$page]));
        ($count, $pages) = ($count + $found->count, $pages + 1);
        my ($answered) = $found->control(LDAP_CONTROL_PAGED) or die 'no control';
        my $cookie = $answered->cookie or last;
        $page->cookie($cookie);
    }
    same("$count $pages", '7 3');
    my $sort = Net::LDAP::Control::Sort->new(order => '-cn', critical => 1);
    my $sorted = result(persons($ldap, control => [$sort]));
    same(join(' ', map { $_->get_value('cn') } $sorted->entries), join(' ', reverse @names));
    same(($sorted->control(LDAP_CONTROL_SORTRESULT))[0]->result, 0);
    my $values = Net::LDAP::Control::MatchedValues->new(matchedValues => '((objectClass=person))', critical => 1);
    my $found = result($ldap->search(
        base => "cn=p1,$unit", scope => 'base', filter => '(cn=*)', control => [$values]));
    same(join(' ', $found->entry(0)->get_value('objectClass')), 'person');
    my $false = Net::LDAP::Control::Assertion->new(assertion => '(sn=Abe)', critical => 1);
    my $read = Net::LDAP::Control::PostRead->new(attrs => ['sn'], critical => 1);
    my @change = ("cn=p1,$unit", replace => { sn => 'Abe' });
    result($ldap->modify(@change, control => [$false]), 122);
    my $changed = result($ldap->modify(@change, control => [$read]));
    same(($changed->control(LDAP_CONTROL_POSTREAD))[0]->entry->get_value('sn'), 'Abe');
});

row('referral objects and subentries' => sub {
    my $ldap = administrator();
    my $uri = 'ldap://b.example/ou=X,o=Y';
    my @attributes = (objectClass => ['referral', 'extensibleObject'], ou => 'Elsewhere', ref => $uri);
    result($ldap->add("ou=Elsewhere,$unit", attrs => \@attributes));
    my $found = result($ldap->search(base => $unit, scope => 'one', filter => '(&)'));
    same(join(' ', $found->references), "$uri??base");
    my $manage = Net::LDAP::Control::ManageDsaIT->new(critical => 1);
    result($ldap->delete("ou=Elsewhere,$unit"), 10);
    result($ldap->delete("ou=Elsewhere,$unit", control => [$manage]));
    my @policy = (objectClass => 'subentry', cn => 'policy', subtreeSpecification => '{ }');
    result($ldap->add("cn=policy,$unit", attrs => \@policy));
    my $visible = Net::LDAP::Control::Subentries->new(visibility => 1, critical => 1);
    my $subentries = result($ldap->search(
        base => $unit, scope => 'one', filter => '(&)', control => [$visible]));
    same(join(' ', map { canonical_dn($_->dn, casefold => 'lower') } $subentries->entries),
        canonical_dn("cn=policy,$unit", casefold => 'lower'));
    result($ldap->delete("cn=policy,$unit"));
});

row('the schema, and what the root DSE says' => sub {
    my $ldap = Net::LDAP->new($ENV{LDAP_URL}) or die "$@";
    my $schema = $ldap->schema or die 'no schema';
    die $schema->error if $schema->error;
    same($schema->attribute('certificateRevocationList')->{oid}, '2.5.4.39');
    same($schema->objectclass('2.5.6.19')->{name}, 'cRLDistributionPoint');
    my %must = map { $_->{name} => 1 } $schema->must('cRLDistributionPoint');
    die 'cn is not in must' unless $must{cn};
    my $dse = $ldap->root_dse or die 'no root DSE';
    die 'no pages' unless $dse->supported_control(LDAP_CONTROL_PAGED);
    die 'no StartTLS' unless $dse->supported_extension('1.3.6.1.4.1.1466.20037');
    die 'no version 3' unless $dse->supported_version(3);
});

row('abandon and Cancel' => sub {
    my $ldap = administrator();
    my $search = persons($ldap);
    $ldap->abandon($search);
    my $code = $ldap->cancel(4711)->code;
    same($code, 119);
    same(lc $ldap->who_am_i->response, lc "dn:$ENV{ADMINISTRATOR_DN}");
});

print encode_json(\@rows), "\n";
