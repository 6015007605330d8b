import java.io.ByteArrayInputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.CertPath;
import java.security.cert.CertPathBuilder;
import java.security.cert.CertPathValidator;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.LDAPCertStoreParameters;
import java.security.cert.PKIXBuilderParameters;
import java.security.cert.PKIXCertPathBuilderResult;
import java.security.cert.PKIXParameters;
import java.security.cert.PKIXRevocationChecker;
import java.security.cert.TrustAnchor;
import java.security.cert.X509CRL;
import java.security.cert.X509CRLSelector;
import java.security.cert.X509CertSelector;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collection;
import java.util.Collections;
import java.util.EnumSet;
import java.util.Hashtable;
import java.util.List;
import java.util.Set;
import javax.naming.Context;
import javax.naming.NameAlreadyBoundException;
import javax.naming.NameNotFoundException;
import javax.naming.NamingEnumeration;
import javax.naming.NamingException;
import javax.naming.ReferralException;
import javax.naming.directory.Attributes;
import javax.naming.directory.BasicAttribute;
import javax.naming.directory.BasicAttributes;
import javax.naming.directory.DirContext;
import javax.naming.directory.ModificationItem;
import javax.naming.directory.SearchControls;
import javax.naming.directory.SearchResult;
import javax.naming.ldap.Control;
import javax.naming.ldap.ExtendedRequest;
import javax.naming.ldap.ExtendedResponse;
import javax.naming.ldap.InitialLdapContext;
import javax.naming.ldap.LdapContext;
import javax.naming.ldap.ManageReferralControl;
import javax.naming.ldap.PagedResultsControl;
import javax.naming.ldap.PagedResultsResponseControl;
import javax.naming.ldap.SortControl;
import javax.naming.ldap.SortResponseControl;
import javax.naming.ldap.StartTlsRequest;
import javax.naming.ldap.StartTlsResponse;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/**
 * OpenJDK against a running server: its LDAP certificate store, which asks without a bind for the entry of a
 * name with all aliases dereferenced; path validation with lists that come over LDAP; and JNDI.
 *
 * <p>Reads what it needs from environment variables and writes one JSON document: for each row its name and,
 * where it failed, why. Started by test/interop/java-ldap.test.ts.
 */
public final class LdapClient {
  private static final String UNIT = "ou=Java,o=JPKI,c=JP";
  private static final int PERSONS = 7;

  private final List<String> rows = new ArrayList<>();

  private interface Body {
    void run() throws Exception;
  }

  public static void main(String[] arguments) throws Exception {
    // Lists from the URI that a certificate gives.
    System.setProperty("com.sun.security.enableCRLDP", "true");
    LdapClient client = new LdapClient();
    client.certificateStore();
    client.pathValidation();
    client.naming();
    System.out.println("[" + String.join(",", client.rows) + "]");
  }

  private void row(String name, Body body) {
    String failure = "";
    try {
      body.run();
    } catch (Exception | AssertionError error) {
      StringBuilder text = new StringBuilder();
      for (Throwable at = error; at != null; at = at.getCause()) {
        text.append(at).append('\n');
        for (StackTraceElement element : at.getStackTrace()) {
          if (element.getClassName().startsWith("LdapClient")) {
            text.append("  at ").append(element).append('\n');
          }
        }
      }
      failure = ",\"failure\":" + quoted(text.toString());
    }
    rows.add("{\"name\":" + quoted(name) + failure + "}");
  }

  private static String quoted(String text) {
    StringBuilder quoted = new StringBuilder("\"");
    for (char character : text.toCharArray()) {
      if (character < ' ' || character == '"' || character == '\\' || character > '~') {
        quoted.append(String.format("\\u%04x", (int) character));
      } else {
        quoted.append(character);
      }
    }
    return quoted.append('"').toString();
  }

  private static String given(String name) {
    String value = System.getenv(name);
    if (value == null) {
      throw new IllegalStateException(name + " is not set");
    }
    return value;
  }

  private static void same(Object actual, Object expected) {
    if (!expected.equals(actual)) {
      throw new AssertionError(actual + " is not " + expected);
    }
  }

  private static void check(boolean holds, String what) {
    if (!holds) {
      throw new AssertionError(what);
    }
  }

  private static <E extends Exception> E refused(Class<E> error, Body body) throws Exception {
    try {
      body.run();
    } catch (Exception raised) {
      if (error.isInstance(raised)) {
        return error.cast(raised);
      }
      throw raised;
    }
    throw new AssertionError("not refused with " + error.getSimpleName());
  }

  private static X509Certificate certificate(String variable) throws Exception {
    byte[] der = Base64.getDecoder().decode(given(variable));
    CertificateFactory factory = CertificateFactory.getInstance("X.509");
    return (X509Certificate) factory.generateCertificate(new ByteArrayInputStream(der));
  }

  // The certificate store.

  private static CertStore openStore() throws Exception {
    URI server = new URI(given("LDAP_URL"));
    return CertStore.getInstance(
        "LDAP", new LDAPCertStoreParameters(server.getHost(), server.getPort()));
  }

  private void certificateStore() {
    row("LDAPCertStore: the CA's certificate by its subject", () -> {
      X509CertSelector selector = new X509CertSelector();
      selector.setSubject(given("CA_DN"));
      selector.setBasicConstraints(0);
      Collection<? extends Certificate> found = openStore().getCertificates(selector);
      same(found.size(), 1);
      same(
          found.iterator().next().getEncoded().length,
          Base64.getDecoder().decode(given("CA_CERTIFICATE")).length);
      same(found.iterator().next(), certificate("CA_CERTIFICATE"));
    });

    row("LDAPCertStore: certificates out of a cross certificate pair", () -> {
      X509CertSelector selector = new X509CertSelector();
      selector.setSubject(given("BRIDGE_DN"));
      selector.setBasicConstraints(0);
      Collection<? extends Certificate> found = openStore().getCertificates(selector);
      check(found.contains(certificate("BRIDGE_CERTIFICATE")), "the bridge's own certificate");
      check(found.contains(certificate("FORWARD_CERTIFICATE")), "the certificate of the pair");
    });

    row("LDAPCertStore: an entry that is not there has nothing", () -> {
      X509CertSelector selector = new X509CertSelector();
      selector.setSubject("CN=nobody,O=JPKI,C=JP");
      same(openStore().getCertificates(selector).size(), 0);
      X509CRLSelector lists = new X509CRLSelector();
      lists.addIssuerName("CN=nobody,O=JPKI,C=JP");
      same(openStore().getCRLs(lists).size(), 0);
    });

    row("LDAPCertStore: the list of CA certificates by its issuer", () -> {
      X509CRLSelector selector = new X509CRLSelector();
      selector.addIssuerName(given("CA_DN"));
      Collection<?> found = openStore().getCRLs(selector);
      check(!found.isEmpty(), "a list");
      for (Object one : found) {
        ((X509CRL) one).verify(certificate("CA_CERTIFICATE").getPublicKey());
      }
    });

    row("LDAPCertStore: no list of end entities in the entry of a CA with partitions", () -> {
      X509CRLSelector selector = new X509CRLSelector();
      selector.addIssuerName(given("CA_DN"));
      selector.setCertificateChecking(certificate("CITIZEN_CERTIFICATE"));
      same(openStore().getCRLs(selector).size(), 0);
    });

    row("LDAPCertStore: a list from its distribution point", () -> {
      X509CRLSelector selector = new X509CRLSelector();
      selector.addIssuerName(given("OPERATIONS_DN"));
      selector.addIssuerName(given("CA_DN"));
      Collection<?> found = openStore().getCRLs(selector);
      check(!found.isEmpty(), "a list");
      for (Object one : found) {
        ((X509CRL) one).verify(certificate("CA_CERTIFICATE").getPublicKey());
      }
    });

    row("LDAPCertStore: a list for verifiers only is not found", () -> {
      X509CRLSelector selector = new X509CRLSelector();
      selector.addIssuerName(given("PARTITION_DN"));
      same(openStore().getCRLs(selector).size(), 0);
    });
  }

  // Paths.

  private static PKIXRevocationChecker strict(CertPathValidator validator) {
    PKIXRevocationChecker checker = (PKIXRevocationChecker) validator.getRevocationChecker();
    checker.setOptions(
        EnumSet.of(PKIXRevocationChecker.Option.PREFER_CRLS, PKIXRevocationChecker.Option.NO_FALLBACK));
    return checker;
  }

  private static void validate(X509Certificate certificate, CertStore... stores) throws Exception {
    CertPath path =
        CertificateFactory.getInstance("X.509").generateCertPath(List.of(certificate));
    PKIXParameters parameters =
        new PKIXParameters(Set.of(new TrustAnchor(certificate("BRIDGE_CERTIFICATE"), null)));
    parameters.setCertStores(Arrays.asList(stores));
    CertPathValidator validator = CertPathValidator.getInstance("PKIX");
    parameters.addCertPathChecker(strict(validator));
    validator.validate(path, parameters);
  }

  private static void revoked(X509Certificate certificate, CertStore... stores) throws Exception {
    CertPathValidatorException raised =
        refused(CertPathValidatorException.class, () -> validate(certificate, stores));
    same(raised.getReason(), CertPathValidatorException.BasicReason.REVOKED);
  }

  private void pathValidation() {
    row("PKIX: a list from the store, by the name of the distribution point", () -> {
      validate(certificate("GOOD_BY_NAME"), openStore());
      revoked(certificate("REVOKED_BY_NAME"), openStore());
    });

    row("PKIX: a list from the LDAP URI that the certificate gives", () -> {
      validate(certificate("GOOD_BY_URI"));
      revoked(certificate("REVOKED_BY_URI"));
    });

    row("PKIX: without a store and a URI there is no list", () -> {
      CertPathValidatorException raised =
          refused(
              CertPathValidatorException.class, () -> validate(certificate("GOOD_BY_NAME")));
      same(
          raised.getReason(),
          CertPathValidatorException.BasicReason.UNDETERMINED_REVOCATION_STATUS);
    });

    row("PKIX: a path is built with CA certificates out of the directory", () -> {
      X509CertSelector target = new X509CertSelector();
      target.setCertificate(certificate("LEAF_CERTIFICATE"));
      TrustAnchor anchor = new TrustAnchor(certificate("BRIDGE_CERTIFICATE"), null);
      PKIXBuilderParameters parameters = new PKIXBuilderParameters(Set.of(anchor), target);
      parameters.setRevocationEnabled(false);
      parameters.addCertStore(openStore());
      PKIXCertPathBuilderResult built =
          (PKIXCertPathBuilderResult) CertPathBuilder.getInstance("PKIX").build(parameters);
      same(built.getCertPath().getCertificates().size(), 2);
      same(built.getCertPath().getCertificates().get(1), certificate("SUBORDINATE_CERTIFICATE"));
    });
  }

  // JNDI.

  private static LdapContext connect() throws NamingException {
    Hashtable<String, Object> environment = new Hashtable<>();
    environment.put(Context.INITIAL_CONTEXT_FACTORY, "com.sun.jndi.ldap.LdapCtxFactory");
    environment.put(Context.PROVIDER_URL, given("LDAP_URL"));
    environment.put("java.naming.ldap.version", "3");
    environment.put(Context.REFERRAL, "throw");
    return new InitialLdapContext(environment, null);
  }

  private static byte[] pem(String file) throws Exception {
    String text = Files.readString(Path.of(file)).replaceAll("-----[^-]+-----|\\s", "");
    return Base64.getDecoder().decode(text);
  }

  private static SSLContext tls(boolean withCertificate) throws Exception {
    CertificateFactory factory = CertificateFactory.getInstance("X.509");
    KeyStore trusted = KeyStore.getInstance("PKCS12");
    trusted.load(null, null);
    trusted.setCertificateEntry(
        "server", factory.generateCertificate(Files.newInputStream(Path.of(given("CA_FILE")))));
    TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
    trust.init(trusted);
    KeyStore own = KeyStore.getInstance("PKCS12");
    own.load(null, null);
    if (withCertificate) {
      PKCS8EncodedKeySpec key = new PKCS8EncodedKeySpec(pem(given("KEY_FILE")));
      Certificate certificate =
          factory.generateCertificate(Files.newInputStream(Path.of(given("CERTIFICATE_FILE"))));
      PrivateKey privateKey =
          KeyFactory.getInstance(certificate.getPublicKey().getAlgorithm()).generatePrivate(key);
      own.setKeyEntry("own", privateKey, new char[0], new Certificate[] {certificate});
    }
    KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
    keys.init(own, new char[0]);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
    return context;
  }

  private static void startTls(LdapContext context, boolean withCertificate) throws Exception {
    StartTlsResponse response =
        (StartTlsResponse) context.extendedOperation(new StartTlsRequest());
    response.negotiate(tls(withCertificate).getSocketFactory());
  }

  private static void bind(LdapContext context, String name, String password) throws Exception {
    context.addToEnvironment(Context.SECURITY_AUTHENTICATION, "simple");
    context.addToEnvironment(Context.SECURITY_PRINCIPAL, name);
    context.addToEnvironment(Context.SECURITY_CREDENTIALS, password);
    context.reconnect(null);
  }

  private static LdapContext administrator() throws Exception {
    LdapContext context = connect();
    startTls(context, false);
    bind(context, given("ADMINISTRATOR_DN"), given("ADMINISTRATOR_PASSWORD"));
    return context;
  }

  /** RFC 4532. */
  private static final class WhoAmI implements ExtendedRequest {
    @Override
    public String getID() {
      return "1.3.6.1.4.1.4203.1.11.3";
    }

    @Override
    public byte[] getEncodedValue() {
      return null;
    }

    @Override
    public ExtendedResponse createExtendedResponse(String id, byte[] value, int start, int length) {
      return new ExtendedResponse() {
        @Override
        public String getID() {
          return id;
        }

        @Override
        public byte[] getEncodedValue() {
          return value == null ? new byte[0] : Arrays.copyOfRange(value, start, start + length);
        }
      };
    }
  }

  private static String whoAmI(LdapContext context) throws NamingException {
    byte[] value = context.extendedOperation(new WhoAmI()).getEncodedValue();
    return new String(value, StandardCharsets.UTF_8).toLowerCase();
  }

  private static BasicAttributes attributes(String... pairs) {
    BasicAttributes attributes = new BasicAttributes(true);
    for (int at = 0; at < pairs.length; at += 2) {
      attributes.put(pairs[at], pairs[at + 1]);
    }
    return attributes;
  }

  private static SearchControls oneLevel(String... returning) {
    SearchControls controls = new SearchControls();
    controls.setSearchScope(SearchControls.ONELEVEL_SCOPE);
    controls.setReturningAttributes(returning);
    return controls;
  }

  private static List<String> names(LdapContext context) throws NamingException {
    List<String> names = new ArrayList<>();
    NamingEnumeration<SearchResult> found =
        context.search(UNIT, "(objectClass=person)", oneLevel("cn"));
    while (found.hasMore()) {
      names.add((String) found.next().getAttributes().get("cn").get());
    }
    return names;
  }

  private void naming() {
    row("JNDI: StartTLS and a bind", () -> {
      LdapContext context = connect();
      same(whoAmI(context), "");
      startTls(context, false);
      bind(context, given("ADMINISTRATOR_DN"), given("ADMINISTRATOR_PASSWORD"));
      same(whoAmI(context), ("dn:" + given("ADMINISTRATOR_DN")).toLowerCase());
      refused(
          NamingException.class, () -> bind(context, given("ADMINISTRATOR_DN"), "wrong"));
      context.close();
    });

    row("JNDI: SASL EXTERNAL with a certificate", () -> {
      LdapContext context = connect();
      startTls(context, true);
      context.addToEnvironment(Context.SECURITY_AUTHENTICATION, "EXTERNAL");
      context.reconnect(null);
      same(whoAmI(context), ("dn:" + given("VERIFIER_DN")).toLowerCase());
      Attributes entry =
          context.getAttributes(given("PARTITION_DN"), new String[] {"certificateRevocationList;binary"});
      byte[] list = (byte[]) entry.get("certificateRevocationList;binary").get();
      CertificateFactory factory = CertificateFactory.getInstance("X.509");
      X509CRL parsed = (X509CRL) factory.generateCRL(new ByteArrayInputStream(list));
      parsed.verify(certificate("CA_CERTIFICATE").getPublicKey());
      context.close();
    });

    row("JNDI: adds, reads, modifies, renames under another parent, deletes", () -> {
      LdapContext context = administrator();
      context.createSubcontext(UNIT, attributes("objectClass", "organizationalUnit", "ou", "Java"));
      for (int number = 0; number < PERSONS; number += 1) {
        String cn = "p" + number;
        context.createSubcontext(
            "cn=" + cn + "," + UNIT, attributes("objectClass", "person", "cn", cn, "sn", "\u524d\u6a4b"));
      }
      String dn = "cn=p0," + UNIT;
      refused(
          NameAlreadyBoundException.class,
          () -> context.createSubcontext(dn, attributes("objectClass", "person", "cn", "p0", "sn", "x")));
      ModificationItem[] change = {
        new ModificationItem(DirContext.REPLACE_ATTRIBUTE, new BasicAttribute("sn", "Sato")),
        new ModificationItem(DirContext.ADD_ATTRIBUTE, new BasicAttribute("description", "x")),
      };
      context.modifyAttributes(dn, change);
      same(context.getAttributes(dn).get("sn").get(), "Sato");
      same(context.getAttributes("cn=p1," + UNIT).get("sn").get(), "\u524d\u6a4b");
      String below = "ou=Below," + UNIT;
      context.createSubcontext(below, attributes("objectClass", "organizationalUnit", "ou", "Below"));
      context.rename(dn, "cn=moved," + below);
      same(context.getAttributes("cn=moved," + below).get("description").get(), "x");
      refused(NameNotFoundException.class, () -> context.getAttributes(dn));
      context.rename("cn=moved," + below, dn);
      context.destroySubcontext(below);
      context.close();
    });

    row("JNDI: paged results", () -> {
      LdapContext context = administrator();
      Set<String> found = new java.util.TreeSet<>();
      byte[] cookie = null;
      int pages = 0;
      do {
        context.setRequestControls(
            new Control[] {new PagedResultsControl(3, cookie, Control.CRITICAL)});
        found.addAll(names(context));
        pages += 1;
        cookie = ((PagedResultsResponseControl) context.getResponseControls()[0]).getCookie();
      } while (cookie != null && cookie.length > 0);
      same(List.of(found.size(), pages), List.of(PERSONS, 3));
      context.close();
    });

    row("JNDI: sorted results", () -> {
      LdapContext context = administrator();
      context.setRequestControls(new Control[] {new SortControl("cn", Control.CRITICAL)});
      List<String> found = names(context);
      List<String> sorted = new ArrayList<>(found);
      Collections.sort(sorted);
      same(found, sorted);
      same(found.size(), PERSONS);
      check(((SortResponseControl) context.getResponseControls()[0]).isSorted(), "sorted");
      context.close();
    });

    row("JNDI: a referral, and the object itself with ManageReferralControl", () -> {
      LdapContext context = administrator();
      String dn = "ou=Elsewhere," + UNIT;
      BasicAttributes entry = attributes("ou", "Elsewhere", "ref", "ldap://b.example/ou=X,o=Y");
      BasicAttribute classes = new BasicAttribute("objectClass", "referral");
      classes.add("extensibleObject");
      entry.put(classes);
      context.createSubcontext(dn, entry);
      ReferralException raised =
          refused(ReferralException.class, () -> context.getAttributes("cn=x," + dn));
      check(
          ((String) raised.getReferralInfo()).startsWith("ldap://b.example/cn=x,ou=X,o=Y"),
          (String) raised.getReferralInfo());
      context.setRequestControls(new Control[] {new ManageReferralControl(Control.CRITICAL)});
      Attributes seen = context.getAttributes(dn, new String[] {"ref"});
      same(seen.get("ref").get(), "ldap://b.example/ou=X,o=Y");
      context.destroySubcontext(dn);
      context.close();
    });

    row("JNDI: the schema as a tree", () -> {
      LdapContext context = connect();
      DirContext schema = context.getSchema(given("CA_DN"));
      DirContext type = (DirContext) schema.lookup("AttributeDefinition/certificateRevocationList");
      same(type.getAttributes("").get("NUMERICOID").get(), "2.5.4.39");
      DirContext kind = (DirContext) schema.lookup("ClassDefinition/cRLDistributionPoint");
      same(kind.getAttributes("").get("NUMERICOID").get(), "2.5.6.19");
      check(schema.list("SyntaxDefinition").hasMore(), "syntaxes");
      check(schema.list("MatchingRule").hasMore(), "matching rules");
      context.close();
    });
  }
}
