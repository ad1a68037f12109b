#!/usr/bin/env bash
# Makes a base image of what this machine has: its Java 17 and the shared libraries that Java and native code need, and nothing
# else: no shell, no package manager. For machines that reach no registry.
#
#   base-of-this-machine.sh FILE.tar     afterwards: mvn -Pimages package -Dimages.base=tar:FILE.tar
set -euo pipefail
target=${1:?usage: base-of-this-machine.sh FILE.tar}
java_home=${JAVA_HOME:-$(dirname "$(dirname "$(readlink -f "$(command -v java)")")")}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir -p "$root/opt/java" "$root/etc" "$root/tmp" "$root/proc" "$root/dev" "$root/lib64"
chmod 1777 "$root/tmp"
# Links are followed, since a distribution keeps configuration elsewhere; sources may be links to what is not installed.
mkdir "$root/opt/java/openjdk"
tar -C "$java_home" -h --exclude=./{jmods,man,docs,include,demo,legal} --exclude=./lib/src.zip -cf - . |
    tar -C "$root/opt/java/openjdk" -xf -
echo 'abmesh:x:65532:65532::/tmp:/none' >"$root/etc/passwd"
echo 'abmesh:x:65532:' >"$root/etc/group"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"

# Every library that these need, at the path where the loader looks for it.
{
    find "$root/opt/java/openjdk" -name '*.so' -o -path '*/bin/java'
    ldconfig -p | sed -n 's/.*=> //p' | grep -E '/(libstdc\+\+|libgomp|libgcc_s|libz|libm|libdl|libpthread|librt|libutil|libnss_(files|dns)|libresolv)\.so' || true
} | while read -r file; do
    echo "$file"
    ldd "$file" 2>/dev/null | sed -nE 's/^[^\/]*(\/[^ ]+) \(0x.*/\1/p'
done | grep -E '^/(lib|usr/lib|lib64)' | sort -u | while read -r library; do
    mkdir -p "$root$(dirname "$library")"
    [ -e "$root$library" ] || cp -L "$library" "$root$library"
done

# The form of `docker save`: a layer, a configuration that names it, a manifest.
tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "$root" -cf "$work/layer.tar" .
layer=$(sha256sum "$work/layer.tar" | cut -d ' ' -f 1)
case "$(uname -m)" in
    x86_64) architecture=amd64 ;;
    aarch64) architecture=arm64 ;;
    *) architecture=$(uname -m) ;;
esac
printf '{"architecture":"%s","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]},"history":[{"created_by":"base-of-this-machine.sh"}]}' \
    "$architecture" "$layer" >"$work/config.json"
printf '[{"Config":"config.json","RepoTags":["abmesh/base:local"],"Layers":["layer.tar"]}]' >"$work/manifest.json"
mkdir -p "$(dirname "$target")"
tar -C "$work" -cf "$target" manifest.json config.json layer.tar
