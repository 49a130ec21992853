# Makes /opt/genonaut with the product, some of its extras, and a bill of materials: `sh install.sh api,tracing`.
set -eu
python -m venv --without-pip /opt/genonaut
/tools/bin/pip --python /opt/genonaut/bin/python install --no-cache-dir --no-index --find-links /wheels \
    "genonaut-generation[$1]"
cd /opt/genonaut/lib/python3*/site-packages
# What only debuggers read takes a sixth of an image. Libraries that a wheel brings are left as they were put together.
find . -name '*.map' -delete
find . -name '*.so' -not -path './*.libs/*' -exec strip --strip-unneeded {} +
find . -name '*.so' | /opt/genonaut/bin/python -c 'import ctypes, sys; [ctypes.CDLL(line.strip()) for line in sys.stdin]'
cp /images/alive.py /opt/genonaut/
/opt/genonaut/bin/python /images/bill_of_materials.py > /opt/genonaut/bill-of-materials.json
