# Makes /opt/genonaut with the product, some of its extras, and a bill of materials: `sh install.sh api,tracing`.
set -eu
python -m venv --without-pip /opt/genonaut
/tools/bin/pip --python /opt/genonaut/bin/python install --no-cache-dir --no-index --find-links /wheels \
    "genonaut-generation[$1]"
cp /images/alive.py /opt/genonaut/
/opt/genonaut/bin/python /images/bill_of_materials.py > /opt/genonaut/bill-of-materials.json
