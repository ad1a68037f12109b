package io.abmesh.cli;

import picocli.CommandLine.IVersionProvider;

/** Tells the version that the build wrote into the jar. */
final class VersionSource implements IVersionProvider {

    @Override
    public String[] getVersion() {
        String version = VersionSource.class.getPackage().getImplementationVersion();
        return new String[] {
            "abmesh " + (version == null ? "(not packaged)" : version),
            "Java " + System.getProperty("java.version") + ", " + System.getProperty("os.arch")
        };
    }
}
