import java.io.ByteArrayInputStream;
import java.security.cert.CertPathBuilder;
import java.security.cert.CertPathBuilderException;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.LDAPCertStoreParameters;
import java.security.cert.PKIXBuilderParameters;
import java.security.cert.PKIXCertPathBuilderResult;
import java.security.cert.PKIXRevocationChecker;
import java.security.cert.TrustAnchor;
import java.security.cert.X509CertSelector;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Date;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * OpenJDK's path builder over bridges: what it needs it fetches itself from the repositories of all CAs, the pairs, the
 * lists of CA certificates and of end entities.
 *
 * <p>Environment: STORES, the repositories as host:port; NOW in milliseconds; ROWS, one each line: name, variables of
 * target and anchor, policy wanted, whether lists are looked at, what is expected: how many certificates the path has, or
 * why there is none ("none": the builder tried several ways and does not say), several with a slash between them. Writes one JSON document: for each row its name and, where it failed, why. To bind, and over TLS, a jndi.properties in the
 * class path says so: LDAPCertStore itself has no settings for either. Started by test/interop/bridge-paths.test.ts.
 */
public final class BridgePaths {
  public static void main(String[] arguments) throws Exception {
    List<String> rows = new ArrayList<>();
    for (String line : System.getenv("ROWS").split("\n")) {
      String[] row = line.split("\\|");
      String found = build(certificate(row[1]), certificate(row[2]), row[3], row[4].equals("lists"));
      String failure =
          List.of(row[5].split("/")).contains(found)
              ? ""
              : ",\"failure\":\"" + found.replaceAll("[\"\\\\\\p{Cntrl}]", " ") + "\"";
      rows.add("{\"name\":\"" + row[0] + "\"" + failure + "}");
    }
    System.out.println("[" + String.join(",", rows) + "]");
  }

  private static X509Certificate certificate(String variable) throws Exception {
    CertificateFactory factory = CertificateFactory.getInstance("X.509");
    byte[] der = Base64.getDecoder().decode(System.getenv(variable));
    return (X509Certificate) factory.generateCertificate(new ByteArrayInputStream(der));
  }

  /** The number of certificates in the path, or why there is none. */
  private static String build(
      X509Certificate target, X509Certificate anchor, String policy, boolean withLists)
      throws Exception {
    X509CertSelector selector = new X509CertSelector();
    selector.setCertificate(target);
    PKIXBuilderParameters parameters =
        new PKIXBuilderParameters(Set.of(new TrustAnchor(anchor, null)), selector);
    parameters.setMaxPathLength(10);
    parameters.setDate(new Date(Long.parseLong(System.getenv("NOW"))));
    if (!policy.isEmpty()) {
      parameters.setInitialPolicies(Set.of(policy));
      parameters.setExplicitPolicyRequired(true);
    }
    parameters.addCertStore(
        CertStore.getInstance(
            "Collection", new java.security.cert.CollectionCertStoreParameters(List.of(target))));
    for (String store : System.getenv("STORES").split(",")) {
      int colon = store.lastIndexOf(':');
      int port = Integer.parseInt(store.substring(colon + 1));
      parameters.addCertStore(
          CertStore.getInstance(
              "LDAP", new LDAPCertStoreParameters(store.substring(0, colon), port)));
    }
    CertPathBuilder builder = CertPathBuilder.getInstance("PKIX");
    PKIXRevocationChecker checker = (PKIXRevocationChecker) builder.getRevocationChecker();
    checker.setOptions(
        EnumSet.of(
            PKIXRevocationChecker.Option.PREFER_CRLS, PKIXRevocationChecker.Option.NO_FALLBACK));
    if (withLists) {
      parameters.addCertPathChecker(checker);
    } else {
      parameters.setRevocationEnabled(false);
    }
    try {
      PKIXCertPathBuilderResult built = (PKIXCertPathBuilderResult) builder.build(parameters);
      return String.valueOf(built.getCertPath().getCertificates().size());
    } catch (CertPathBuilderException error) {
      for (Throwable at = error; at != null; at = at.getCause()) {
        if (at instanceof CertPathValidatorException) {
          return String.valueOf(((CertPathValidatorException) at).getReason());
        }
      }
      return "none";
    }
  }
}
