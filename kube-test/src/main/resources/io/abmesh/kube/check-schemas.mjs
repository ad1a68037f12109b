// Reads an array of Kubernetes objects from standard input and prints a line for each that does not fit its schema.
// Argument: a folder with node_modules, in which the packages below are.
import {readFileSync} from 'node:fs';
import {resolve} from 'node:path';
import {pathToFileURL} from 'node:url';

const packages = ['kubernetes-models', '@kubernetes-models/prometheus-operator', '@kubernetes-models/cert-manager'];

async function model({apiVersion, kind}) {
    for (const name of packages) {
        try {
            const file = resolve(process.argv[2], 'node_modules', name, apiVersion, `${kind}.js`);
            return (await import(pathToFileURL(file)))[kind];
        } catch (e) {
            if (e.code !== 'ERR_MODULE_NOT_FOUND') {
                throw e;
            }
        }
    }
    return null;
}

for (const object of JSON.parse(readFileSync(0))) {
    const name = `${object.kind}/${object.metadata.name}`;
    const Model = await model(object);
    if (Model === null) {
        console.log(`${name}: no schema for ${object.apiVersion}`);
        continue;
    }
    try {
        new Model(object).validate();
    } catch (e) {
        console.log(`${name}: ${e.message}`);
    }
}
